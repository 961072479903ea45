// swarm veto: a hypothesis nobody shall begin, or go on with.
import type { Command } from 'commander'
import { withExamples } from './examples.ts'
import { Usage } from './failure.ts'
import { homeOption, jsonOption } from './options.ts'
import { data, jsonLine } from './output.ts'

interface VetoOptions {
  home: string
  reason?: string
  json: boolean
}

export function register(program: Command): void {
  const verb = program
    .command('veto')
    .description(
      'strike a hypothesis: no further experiment, no promotion; what runs of it is recorded, and that is all',
    )
    .argument('<id>', 'a hypothesis (h0001), from "swarm board"')
    .option('--reason <sentence>', 'why, for the board and for researchers')
    .addOption(homeOption())
    .addOption(jsonOption())
    .action(veto)
  withExamples(verb, ['swarm veto h0012', 'swarm veto h0012 --reason "Too slow for what it could gain"'])
}

async function veto(hypothesis: string, { home, reason, json }: VetoOptions): Promise<void> {
  if (!/^h\d{4,}$/.test(hypothesis))
    throw new Usage(`"${hypothesis}" is no hypothesis; ids look like h0001 and stand in "swarm board".`)
  if (reason !== undefined && reason.length > 500) throw new Usage('a reason has at most 500 characters.')
  const { ask, person } = await import('./hub.ts')
  await ask(home, 'veto', { hypothesis, by: person(), ...(reason === undefined ? {} : { reason }) })
  if (json) jsonLine({ hypothesis, vetoed: true })
  else data(`${hypothesis} is vetoed; nothing more of it is begun`)
}
