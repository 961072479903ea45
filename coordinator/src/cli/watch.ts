// swarm watch: the screen of a swarm that runs elsewhere: another terminal, another machine.
import type { Command } from 'commander'
import { withExamples } from './examples.ts'
import { hubUrl, openHub, withoutCredentials } from './hub.ts'
import { homeOption, hubAddress } from './options.ts'
import { data, say } from './output.ts'
import { stopRequests } from './stop.ts'

interface WatchOptions {
  home: string
  url?: string
  plain: boolean
  ascii: boolean
  color: boolean
}

export function register(program: Command): void {
  const verb = program
    .command('watch')
    .description('look at a swarm that is up; leaving does not stop it')
    .addOption(homeOption())
    .option('--url <url>', 'a swarm elsewhere, as "swarm invite" prints it there', hubAddress)
    .option('--plain', 'lines instead of a screen', false)
    .option('--ascii', 'a screen of 7-bit characters', false)
    .option('--no-color', 'no colours (so does NO_COLOR)')
    .action(watch)
  withExamples(verb, [
    'swarm watch',
    'swarm watch | tee swarm.log          lines, as everywhere without a terminal',
    "swarm watch --url 'nats://agent:TOKEN@10.0.0.5:4222'",
  ])
}

async function watch(options: WatchOptions): Promise<void> {
  if (!options.color) process.env.NO_COLOR = '1'
  const url = options.url ?? hubUrl(options.home, 'agent')
  const { showLines, showScreen, wantsScreen } = await import('../tui/show.ts')
  const stop = stopRequests(() => {})
  const place = withoutCredentials(url)
  const screen = wantsScreen(options)
  let note: (line: string) => void = () => {}
  const bus = await openHub(url, 'watch', (line) => note(line))
  const show = screen
    ? await showScreen(bus, { since: Date.now(), place, ascii: options.ascii, quitWords: 'leave', quit: stop.ask })
    : showLines(bus, { since: Date.now(), place }, data)
  note = (line) => show.note(line)
  await stop.asked
  await show.close()
  await bus.close()
  stop.forget()
  if (screen) say('left the screen; the swarm goes on')
}
