// swarm up: everything on this machine, in the foreground, until the goal is reached or somebody says stop.
import path from 'node:path'
import { type Command, Option } from 'commander'
import { checkoutDir } from '../home.ts'
import { withExamples } from './examples.ts'
import {
  budget,
  dataOption,
  duration,
  folder,
  homeOption,
  hubAddress,
  MAX_SEED,
  name,
  positive,
  researcherOptions,
  scaleOption,
  whole,
} from './options.ts'
import type { UpOptions } from './up/options.ts'

const EXAMPLES = [
  'swarm up                                 an agent a core, until you stop it',
  'swarm up --agents 2 --experiments 24     stop after 24 experiments, with a summary',
  'swarm up --detach --minutes 480          a night in the background; "swarm watch", "swarm down"',
  'swarm up --researcher anthropic:MODEL=3,search=1 --budget-usd 20    models that read, within a budget',
  'swarm up --listen 0.0.0.0                let other machines join, see "swarm invite"',
  'swarm up --data DIR --budget work:60s    your own text, longer experiments',
  'swarm up --agents 8 --scale gpu          a GPU an agent, at the size of the reference',
]

export function register(program: Command): void {
  const verb = program
    .command('up')
    .description('start the swarm: nats-server, coordinator and agents; goes on where it stopped before')
    .option('-a, --agents <n>', 'agents on this machine (default: one a core, at most 4, or one a GPU)', whole(0, 64))
    .addOption(
      new Option('--lanes <kind>', 'what agents train on: GPUs where the trainer can use them, else cores')
        .choices(['auto', 'cpu', 'gpu'])
        .default('auto'),
    )
    .addOption(scaleOption())
    .option('--experiments <n>', 'stop after this many more experiments', whole(1, 1_000_000))
    .option('--minutes <m>', 'stop after this many minutes', positive)
    .option(
      '--budget <budget>',
      'of one experiment: work:20s, tokens:200k, cpu:20s, wall:5m (default: from program.md)',
      budget,
    )
    .option('--seed <s>', 'seed of the search and of fresh seeds', whole(0, MAX_SEED), 1)
    .option('--director <who>', 'the model that proposes: NAME:MODEL or off (default: the first one over an API)')
    .option(
      '--budget-usd <dollars>',
      'of the whole run: models may not cost more; exit code 5 when it is spent',
      positive,
    )
    .option('--budget-tokens <n>', 'of the whole run', whole(1, Number.MAX_SAFE_INTEGER))
    .option('--budget-calls <n>', 'calls of models, of the whole run', whole(1, 1_000_000_000))
    .option('--budget-lane-seconds <s>', 'seconds of training on all lanes together', positive)
    .option('--budget-wall <time>', 'time of the whole run, after which it finishes what runs: 90s, 30m, 8h', duration)
    .option('--prices <file>', 'what tokens cost (default: coordinator/prices.json)', folder)
    .addOption(dataOption())
    .addOption(homeOption())
    .option('--name <name>', "first part of the agents' names: NAME1, NAME2 …", name, 'a')
    .option('--program <file>', 'the brief (default: program.md of the repository)', folder)
    .addOption(
      new Option('--checkout <dir>', 'the repository to improve').default(checkoutDir(), 'this one').argParser(folder),
    )
    .option('--nats <url>', 'a nats-server of yours, with JetStream; else one is started', hubAddress)
    .option('--listen <host>', 'address for agents of other machines (default: this machine only)')
    .option('--plain', 'lines instead of a screen', false)
    .option('--ascii', 'a screen of 7-bit characters', false)
    .option('--no-color', 'no colours (so does NO_COLOR)')
    .option('-d, --detach', 'go on in the background', false)
    .action(async (options: UpOptions) => {
      const { castOf, needKeys } = await import('./up/cast.ts')
      needKeys(castOf(options, options.agents ?? 64), options.baseUrl) // refused here, where a terminal still sees it
      options.program ??= path.join(options.checkout, 'program.md')
      if (options.detach) {
        const { detach } = await import('./up/detach.ts')
        return detach(options)
      }
      const { runSwarm } = await import('./up/run.ts')
      process.exitCode = await runSwarm(options)
    })
  for (const option of researcherOptions()) verb.addOption(option)
  withExamples(verb, EXAMPLES)
}
