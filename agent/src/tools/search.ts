// search: a pattern in all that may be read. git's own search, on the worktree's files: it knows no pattern that never ends.
import { run } from '@swarm/shared/exec'
import { tool } from '@swarm/shared/model/model'
import { z } from 'zod'
import { type Desk, quoted, ToolRefused } from './desk.ts'

const MOST_LINES = 120
const TIME_LIMIT_MS = 15_000

export const search = (desk: Desk) =>
  tool({
    name: 'search',
    description: `Finds lines that match an extended regular expression in the recipe and the engine: path, line number, line. At most ${MOST_LINES}.`,
    input: z.object({
      pattern: z.string().describe('POSIX extended regular expression, e.g. rms_norm|softcap'),
      below: z.string().nullable().describe('Only files whose path starts with this, e.g. engine/ops; null for all'),
    }),
    run: async ({ pattern, below }, signal) => {
      if (pattern === '' || pattern.length > 300) throw new ToolRefused('a pattern of 1 to 300 characters is needed')
      const { code, stdout, output } = await run(
        'git',
        ['-c', 'core.fsmonitor=', 'grep', '--no-index', '--no-color', '-nIE', '-e', pattern, '--', ...desk.readable],
        {
          cwd: desk.dir,
          timeoutMs: TIME_LIMIT_MS,
          signal,
          // No repository: whatever stands in the worktree, its configuration is not read.
          env: { GIT_DIR: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' },
        },
      )
      if (code > 1 || code < 0) throw new ToolRefused(`the search failed: ${output.trim().split('\n').at(-1) ?? ''}`)
      const under = below === null ? '' : below.replace(/^\.?\/+/, '')
      const lines = stdout
        .split('\n')
        .filter(
          (line) =>
            line !== '' && (under === '' || line.startsWith(under) || line.startsWith(`trainer-native/${under}`)),
        )
      if (lines.length === 0) return 'nothing matches'
      const more =
        lines.length > MOST_LINES ? `\n${lines.length - MOST_LINES} more lines match; narrow the pattern.` : ''
      const shown = lines.slice(0, MOST_LINES).map((line) => line.slice(0, 300))
      return `${quoted(desk, 'lines that match', shown.join('\n'))}${more}`
    },
  })
