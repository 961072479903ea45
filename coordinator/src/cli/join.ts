// swarm join: one agent here, working for a hub elsewhere.
import path from 'node:path'
import { type Command, Option } from 'commander'
import { checkoutDir, stateDir } from '../home.ts'
import { withExamples } from './examples.ts'
import { cores, folder, hubAddress, name, researcherOptions, whole } from './options.ts'
import type { JoinOptions } from './join/options.ts'

export function register(program: Command): void {
  const verb = program
    .command('join')
    .description('let an agent of this machine work for a swarm elsewhere')
    .argument('<url>', 'from "swarm invite" there', hubAddress)
    .option('--name <name>', 'of the agent (default: the hub gives one)', name)
    .addOption(
      new Option('--home <dir>', 'where this agent keeps its worktrees and results')
        .default(path.join(stateDir(), 'join'), '<state>/join')
        .argParser(folder),
    )
    .option('--cores <list>', 'cores it may use, such as 0,1 or 0-3 (default: all)', cores)
    .addOption(
      new Option('--gpu <n>', 'train on this GPU, as nvidia-smi counts, instead of cores')
        .argParser(whole(0, 99))
        .conflicts('cores'),
    )
    .addOption(
      new Option('--checkout <dir>', 'the repository that swarm improves')
        .default(checkoutDir(), 'this one')
        .argParser(folder),
    )
    .option('--data <dir>', 'data set, if it is the same; else it is fetched from the hub', folder)
    .action(async (url: string, options: JoinOptions) => {
      const { castOf, needKeys } = await import('./up/cast.ts')
      needKeys(castOf({ ...options, director: 'off' }, 1), options.baseUrl)
      const { joinSwarm } = await import('./join/run.ts')
      await joinSwarm(url, options)
    })
  for (const option of researcherOptions()) verb.addOption(option)
  withExamples(verb, [
    "swarm join 'nats://agent:TOKEN@10.0.0.5:4222'",
    "swarm join 'nats://agent:TOKEN@10.0.0.5:4222' --gpu 3       a GPU of the same kind, for a swarm on GPUs",
    "swarm join 'nats://agent:TOKEN@127.0.0.1:4222' --name lab2 --cores 1 --home .swarm/lab2",
  ])
}
