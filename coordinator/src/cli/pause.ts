// swarm pause: an agent, or all of them, finishes what it runs and claims nothing more. swarm resume is its other half.
import type { Command } from 'commander'
import { withExamples } from './examples.ts'
import { homeOption, jsonOption, name } from './options.ts'
import { data, jsonLine } from './output.ts'

interface PauseOptions {
  home: string
  json: boolean
}

export function register(program: Command): void {
  const verb = program
    .command('pause')
    .description(
      'let agents rest: they finish what they run, give back what they have prepared, and claim nothing until "swarm resume" or the next "swarm up"',
    )
    .argument('[agent]', 'its name, or all of them', name, 'all')
    .addOption(homeOption())
    .addOption(jsonOption())
    .action((agent: string, options: PauseOptions) => tell(agent, true, options))
  withExamples(verb, ['swarm pause          everybody', 'swarm pause a2'])
}

export async function tell(agent: string, paused: boolean, { home, json }: PauseOptions): Promise<void> {
  const { ask, person } = await import('./hub.ts')
  await ask(home, 'pause', { agent, paused, by: person() })
  if (json) return jsonLine({ agent, paused })
  const who = agent === 'all' ? 'all agents' : agent
  data(
    `${who} ${paused ? `${agent === 'all' ? 'pause' : 'pauses'} after what runs now` : agent === 'all' ? 'go on' : 'goes on'}`,
  )
}
