// Claude Code, headless. It may read the worktree and edit the editable folder; everything else is denied without asking.
import { z } from 'zod'
import { NO_USAGE, type Usage } from '@swarm/shared/call'
import type { Key } from '@swarm/shared/model/keys'
import type { Cli, Command, Heard } from './cli.ts'

const count = z.number().int().nonnegative().catch(0)
/** The last event of a run; what else there is in it is let through. */
const Last = z.object({
  type: z.literal('result'),
  subtype: z.string(),
  is_error: z.boolean().default(false),
  result: z.string().optional(),
  total_cost_usd: z.number().nonnegative().optional(),
  usage: z.object({
    input_tokens: count,
    output_tokens: count,
    cache_read_input_tokens: count,
    cache_creation_input_tokens: count,
    cache_creation: z.object({ ephemeral_1h_input_tokens: count }).optional(),
  }),
})

/** Ended by a limit of ours: what it wrote by then is its edit. */
const LIMITS = ['error_max_turns', 'error_max_budget_usd']

export class Claude implements Cli {
  readonly name = 'claude'
  readonly keepsUsd = true

  constructor(
    readonly model: string | undefined,
    /** Absent: the user's own login. */
    private readonly key: Key | undefined,
    private readonly baseUrl: string | undefined,
  ) {}

  command({ prompt, edits, editable, usd }: Command): ReturnType<Cli['command']> {
    const tools = edits
      ? [
          '--tools',
          'Read,Edit,Write,Grep,Glob',
          '--allowedTools',
          `Read(./**),Grep(./**),Glob(./**),Edit(./${editable}**)`,
        ]
      : ['--tools', '']
    // --bare leaves out the user's hooks, memory and keychain, and with them a login: only where there is a key.
    const bare = this.key?.variable === 'ANTHROPIC_API_KEY' ? ['--bare'] : []
    return {
      args: [
        '-p',
        ...bare,
        '--output-format',
        'stream-json',
        '--verbose',
        ...tools,
        '--permission-mode',
        'dontAsk',
        '--max-turns',
        edits ? '40' : '2',
        '--max-budget-usd',
        String(usd),
        '--no-session-persistence',
        '--strict-mcp-config',
        '--append-system-prompt',
        prompt.system,
        ...(this.model === undefined ? [] : ['--model', this.model]),
      ],
      env: {
        DISABLE_AUTOUPDATER: '1',
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
        ...(process.env.CLAUDE_CONFIG_DIR === undefined ? {} : { CLAUDE_CONFIG_DIR: process.env.CLAUDE_CONFIG_DIR }),
        ...(this.key === undefined ? {} : { [this.key.variable]: this.key.value }),
        ...(this.baseUrl === undefined ? {} : { ANTHROPIC_BASE_URL: this.baseUrl }),
      },
      // Command lines are public, and have an end.
      input: prompt.user,
    }
  }

  hear(line: Record<string, unknown>, heard: Heard): void {
    if (line.type !== 'result') return
    const last = Last.safeParse(line)
    if (!last.success) {
      heard.failed = 'its result is not as expected'
      return
    }
    const { subtype, is_error, result, total_cost_usd, usage } = last.data
    const long = usage.cache_creation?.ephemeral_1h_input_tokens ?? 0
    heard.text = result ?? ''
    heard.usage = {
      ...NO_USAGE,
      input: usage.input_tokens,
      cacheRead: usage.cache_read_input_tokens,
      cacheWrite: usage.cache_creation_input_tokens - long,
      cacheWriteLong: long,
      output: usage.output_tokens,
    } satisfies Usage
    if (total_cost_usd !== undefined) heard.saidUsd = total_cost_usd
    if ((is_error || subtype !== 'success') && !LIMITS.includes(subtype)) heard.failed = `${subtype}: ${result ?? ''}`
  }
}
