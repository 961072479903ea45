// swarm digest: the board in the words a model gets.
import type { Command } from 'commander'
import { withExamples } from './examples.ts'
import { homeOption, whole } from './options.ts'
import { data } from './output.ts'

export function register(program: Command): void {
  const verb = program
    .command('digest')
    .description('the board in the words a model gets: no model makes them')
    .option('--tokens <n>', 'at most this long, estimated from above', whole(200, 1_000_000))
    .addOption(homeOption())
    .action(async ({ home, tokens }: { home: string; tokens?: number }) => {
      const [{ openReader }, { digest }] = await Promise.all([
        import('../board/read.ts'),
        import('../director/digest.ts'),
      ])
      const reader = openReader(home)
      data(digest(reader.board, tokens).trimEnd())
      await reader.close()
    })
  withExamples(verb, [
    'swarm digest                  what the director reads next',
    'swarm digest --tokens 2000    the same, shorter',
  ])
}
