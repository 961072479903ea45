// swarm resume: agents that pause go on.
import type { Command } from 'commander'
import { withExamples } from './examples.ts'
import { homeOption, jsonOption, name } from './options.ts'
import { tell } from './pause.ts'

export function register(program: Command): void {
  const verb = program
    .command('resume')
    .description('let agents go on that were told to pause')
    .argument('[agent]', 'its name, or all of them', name, 'all')
    .addOption(homeOption())
    .addOption(jsonOption())
    .action((agent: string, options: { home: string; json: boolean }) => tell(agent, false, options))
  withExamples(verb, ['swarm resume         everybody', 'swarm resume a2'])
}
