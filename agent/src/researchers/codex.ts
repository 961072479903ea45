// Codex, headless. Its own sandbox lets it write in the worktree only. It keeps no ceiling of money: its reservation is an over-estimate
// by tokens, and time ends it.
import { z } from 'zod'
import type { Key } from '@swarm/shared/model/keys'
import type { Cli, Command, Heard } from './cli.ts'

const count = z.number().int().nonnegative().catch(0)
const Item = z.object({ type: z.literal('item.completed'), item: z.object({ type: z.string(), text: z.string() }) })
const Turn = z.object({
  type: z.literal('turn.completed'),
  usage: z.object({
    input_tokens: count,
    cached_input_tokens: count,
    cache_write_input_tokens: count,
    output_tokens: count,
    reasoning_output_tokens: count,
  }),
})
/** Name of our provider in its configuration, and of the variable it takes the key from. */
const OWN = { provider: 'swarm', key: 'SWARM_CODEX_KEY' } as const

export class Codex implements Cli {
  readonly name = 'codex'
  readonly keepsUsd = false

  constructor(
    readonly model: string | undefined,
    /** Absent: the user's own login. */
    private readonly key: Key | undefined,
    private readonly baseUrl: string | undefined,
  ) {}

  command({ prompt, edits, dir }: Command): ReturnType<Cli['command']> {
    const set = (name: string, value: string): string[] => ['-c', `${name}=${value}`]
    const own =
      this.baseUrl === undefined
        ? []
        : [
            ...set('model_provider', `"${OWN.provider}"`),
            ...set(
              `model_providers.${OWN.provider}`,
              `{name="${OWN.provider}",base_url=${JSON.stringify(this.baseUrl)},env_key="${OWN.key}",wire_api="responses"}`,
            ),
          ]
    return {
      args: [
        'exec',
        '--json',
        '-C',
        dir,
        '-s',
        edits ? 'workspace-write' : 'read-only',
        '--ephemeral',
        '--ignore-user-config',
        '--skip-git-repo-check',
        // What it runs sees no key.
        ...set('shell_environment_policy.inherit', '"core"'),
        ...(this.model === undefined ? [] : ['-m', this.model]),
        ...own,
        '-',
      ],
      env: {
        ...(process.env.CODEX_HOME === undefined ? {} : { CODEX_HOME: process.env.CODEX_HOME }),
        ...(this.key === undefined && this.baseUrl === undefined
          ? {}
          : { [this.baseUrl === undefined ? 'CODEX_API_KEY' : OWN.key]: this.key?.value ?? 'none' }),
      },
      // Read to its end: an open stdin would be waited for.
      input: `${prompt.system}\n\n${prompt.user}`,
    }
  }

  hear(line: Record<string, unknown>, heard: Heard): void {
    const item = Item.safeParse(line)
    if (item.success && item.data.item.type === 'agent_message') heard.text = item.data.item.text
    const turn = Turn.safeParse(line)
    if (turn.success) {
      const { usage } = turn.data
      const [read, written] = [usage.cached_input_tokens, usage.cache_write_input_tokens]
      // The totals of the run so far.
      heard.usage = {
        input: Math.max(0, usage.input_tokens - read - written),
        cacheRead: read,
        cacheWrite: written,
        cacheWriteLong: 0,
        output: usage.output_tokens,
        reasoning: usage.reasoning_output_tokens,
      }
    }
    if (line.type === 'turn.failed') heard.failed = JSON.stringify(line.error ?? line).slice(0, 300)
  }
}
