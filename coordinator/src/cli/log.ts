// swarm log: the ledger, fact by fact. From the board when nobody follows, so that it works while the swarm is down.
import type { Command } from 'commander'
import type { Event } from '@swarm/shared/event'
import { withExamples } from './examples.ts'
import { homeOption, hubAddress, jsonOption, whole } from './options.ts'
import { data, jsonLine } from './output.ts'

interface LogOptions {
  home: string
  follow: boolean
  json: boolean
  from: number
  url?: string
}

export function register(program: Command): void {
  const verb = program
    .command('log')
    .description('every fact, oldest first, one a line')
    .option('-f, --follow', 'go on with what happens from now on', false)
    .option('--from <seq>', 'start at this fact', whole(1, Number.MAX_SAFE_INTEGER), 1)
    .option('--url <url>', 'follow a swarm elsewhere, as "swarm invite" prints it there', hubAddress)
    .addOption(homeOption())
    .addOption(jsonOption('facts as they stand in the ledger, one JSON object a line'))
    .action(log)
  withExamples(verb, [
    'swarm log | tail',
    'swarm log -f',
    'swarm log --json | jq -r \'select(.fact.type == "best-moved") | .fact.best.valBpb\'',
  ])
}

async function log(options: LogOptions): Promise<void> {
  const { factLine } = await import('../tui/facts.ts')
  const write = (event: Event): void => (options.json ? jsonLine(event) : data(factLine(event)))
  if (options.follow || options.url !== undefined) return follow(options, write)
  const { openReader } = await import('../board/read.ts')
  const board = openReader(options.home)
  for (const event of board.facts(options.from)) write(event)
  await board.close()
}

async function follow(options: LogOptions, write: (event: Event) => void): Promise<void> {
  const { hubUrl, openHub } = await import('./hub.ts')
  const { stopRequests } = await import('./stop.ts')
  const bus = await openHub(options.url ?? hubUrl(options.home, 'agent'), 'log')
  const stop = stopRequests(() => {})
  const last = options.follow ? Infinity : await bus.lastSeq()
  const { events, stop: stopFacts } = await bus.facts(options.from)
  void stop.asked.then(stopFacts)
  if (last >= options.from) {
    for await (const event of events) {
      write(event)
      if (event.seq >= last) break
    }
  }
  await bus.close()
}
