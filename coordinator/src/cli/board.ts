// swarm board: every experiment, one line each.
import type { Command } from 'commander'
import { plainText } from '../tui/words.ts'
import { withExamples } from './examples.ts'
import { homeOption, jsonOption } from './options.ts'
import { bpb, data, jsonLine, say, signed, table } from './output.ts'

export function register(program: Command): void {
  const verb = program
    .command('board')
    .description('every experiment, one line each, oldest first; also while the swarm is down')
    .addOption(homeOption())
    .addOption(jsonOption('everything known of each, diff included, one JSON object a line'))
    .action(board)
  withExamples(verb, [
    'swarm board | less -S',
    'swarm board --json > board.jsonl',
    'swarm board --json | jq -r \'select(.outcome == "improved") | .title\'',
  ])
}

async function board({ home, json }: { home: string; json: boolean }): Promise<void> {
  const { openReader } = await import('../board/read.ts')
  const { spent } = await import('@swarm/shared/result')
  const reader = openReader(home)
  const lines = reader.experiments()
  const all = lines.filter((e) => e.status !== 'planned')
  const waiting = lines.filter((e) => e.outcome === 'planned').length
  await reader.close()
  if (json) {
    for (const e of all) jsonLine(e)
    return
  }
  const head = ['id', 'kind', 'outcome', 'val_bpb', 'gain', 'base', 'seed', 'seconds', 'agent', 'hypothesis']
  data(
    table([
      head,
      ...all.map((e) => [
        e.id,
        e.kind,
        e.kind === 'baseline' && e.outcome === 'measured' ? 'baseline' : e.outcome,
        `${bpb(e.valBpb)}${e.measurement?.trust === 'probed' ? ' probed' : ''}`,
        signed(e.gain),
        e.base.slice(0, 8),
        String(e.seed),
        e.cost === undefined ? '-' : spent(e.cost).toFixed(1),
        e.agent ?? '-',
        e.hypothesis === undefined ? 'the recipe as it is' : `${e.hypothesis} ${plainText(e.title ?? '')}`,
      ]),
    ]),
  )
  if (waiting > 0) say(`${waiting} more wait for a lane or run now`)
}
