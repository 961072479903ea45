// swarm status: how it goes, from the board; whether it is up, from the home.
import type { Command } from 'commander'
import { moneyOf } from './cost.ts'
import { withExamples } from './examples.ts'
import { homeOption, jsonOption } from './options.ts'
import { bpb, data, jsonLine, say, table } from './output.ts'
import { running } from './record.ts'

export function register(program: Command): void {
  const verb = program
    .command('status')
    .description('how the swarm does: best, rates, how busy each lane is')
    .addOption(homeOption())
    .addOption(jsonOption('one JSON object'))
    .action(status)
  withExamples(verb, ['swarm status', 'swarm status --json | jq .laneBusy'])
}

async function status({ home, json }: { home: string; json: boolean }): Promise<void> {
  const { openReader } = await import('../board/read.ts')
  const held = running(home)
  const board = openReader(home)
  const s = board.status()
  const { costs } = await import('../board/costs.ts')
  const cost = board.board.calls.size === 0 ? undefined : costs(board.board, s.run?.seq)
  await board.close()
  if (json) {
    const up =
      held === undefined
        ? { up: false }
        : {
            up: held.state === 'running',
            state: held.state,
            pid: held.pid,
            since: held.since,
            processes: held.children.map(({ name, pid }) => ({ name, pid })),
          }
    return jsonLine({ home, ...up, ...s, ...(cost === undefined ? {} : { cost }) })
  }
  const share = (x: number | undefined): string => (x === undefined ? '-' : `${(100 * x).toFixed(1)}%`)
  say(
    held === undefined
      ? `not up; the board of ${home}:`
      : `${held.state === 'running' ? 'up' : held.state} since ${held.since}, process ${held.pid}`,
  )
  data(
    table([
      [
        'best',
        `val_bpb ${bpb(s.best?.valBpb)}${s.best?.gainPercent === undefined ? '' : `, ${s.best.gainPercent.toFixed(2)}% below the baseline ${bpb(s.best.baseline)}`}`,
      ],
      [
        'experiments',
        `${s.experiments.recorded} recorded, ${s.experiments.inRun} in this run, ${s.experiments.waiting} waiting${words(s.experiments.byOutcome)}`,
      ],
      ['hypotheses', `${s.hypotheses.open} open, ${s.hypotheses.closed} closed${words(s.hypotheses.byVerdict)}`],
      [
        'rate',
        `${s.experimentsPerHour === undefined ? '-' : s.experimentsPerHour.toFixed(1)} experiments an hour, ${s.duplicatePercent.toFixed(1)}% duplicates`,
      ],
      ...(cost === undefined
        ? []
        : [
            [
              'models',
              `${moneyOf(cost.all)} in this run, ${cost.all.calls} calls, ${cost.all.tokens} tokens${cost.lost.calls + cost.unsettled.calls === 0 ? '' : `; ${cost.lost.calls} lost, ${cost.unsettled.calls} in flight`}`,
            ],
          ]),
      ['lanes busy', share(s.laneBusy)],
      ...(s.focus === undefined ? [] : [['focus', s.focus]]),
      ...s.agents.map((a) => [
        a.agent,
        `${held === undefined || !a.here ? 'away' : a.paused ? 'paused' : 'here'}  ${a.lane.kind} ${a.lane.gpu ?? a.lane.cores.join(',')} of ${a.host}  ${a.experiments} experiments  ${a.promoted} promoted  busy ${share(a.laneBusy)}`,
      ]),
    ]),
  )
}

function words(counts: Partial<Record<string, number>>): string {
  const list = Object.entries(counts).map(([word, n]) => `${word} ${n}`)
  return list.length === 0 ? '' : ` (${list.join(', ')})`
}
