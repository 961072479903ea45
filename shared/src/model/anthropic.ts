// Anthropic's Messages, streamed. The SDK's tool runner makes its requests by itself, and a stream that breaks inside it is neither
// counted nor repeated; so turns are driven here one by one, with the SDK's own streams, tool schemas and output formats.
import Anthropic from '@anthropic-ai/sdk'
import { betaZodTool } from '@anthropic-ai/sdk/helpers/beta/zod'
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod'
import { NO_USAGE, type Usage } from '../call.ts'
import { limitsOf } from './limits.ts'
import type { Message, Request, Stop, Tool, Turn } from './model.ts'
import { watch } from './watch.ts'
import { brokenBy, mostTokens, type Sent, type Wire } from './wire.ts'

const STOPS: Record<Anthropic.StopReason, Stop> = {
  end_turn: 'end',
  tool_use: 'tools',
  max_tokens: 'max-tokens',
  stop_sequence: 'stop-sequence',
  refusal: 'refusal',
  pause_turn: 'paused',
  model_context_window_exceeded: 'context-full',
}

/** The prefix up to here is cached, for five minutes from its last use. */
const CACHED = { cache_control: { type: 'ephemeral' } } as const

export class AnthropicWire implements Wire {
  readonly provider = 'anthropic'
  readonly #client: Anthropic
  readonly #silenceMs: number | undefined
  /** A compatible server may have no counting; bytes do then. */
  #counts = true

  constructor(
    readonly name: string,
    { key, baseUrl, silenceMs }: { key: string; baseUrl?: string | undefined; silenceMs?: number },
  ) {
    this.#client = new Anthropic({
      apiKey: key,
      authToken: null,
      maxRetries: 0,
      logLevel: 'off',
      ...(baseUrl === undefined ? {} : { baseURL: baseUrl }),
    })
    this.#silenceMs = silenceMs
  }

  async size(request: Request, signal: AbortSignal): Promise<number> {
    const { max_tokens: _, ...body } = this.#body(request)
    const most = mostTokens(body)
    if (!this.#counts) return most
    try {
      const { input_tokens } = await this.#client.messages.countTokens(body, { signal, timeout: 20_000 })
      // The count is called an estimate.
      return Math.min(most, Math.ceil(input_tokens * 1.03) + 50)
    } catch (error) {
      if ([400, 404, 405, 501].includes((error as { status?: number }).status ?? 0)) this.#counts = false
      return most
    }
  }

  async send(request: Request, signal: AbortSignal): Promise<Sent> {
    const watched = watch(signal, this.#silenceMs)
    let usage: Usage | undefined
    let begun = false
    try {
      const stream = this.#client.messages.stream(this.#body(request), { signal: watched.signal })
      stream.on('connect', () => {
        begun = true
      })
      stream.on('streamEvent', (event) => {
        watched.heard()
        if (event.type === 'message_start') usage = usageOf(event.message.usage, NO_USAGE)
        if (event.type === 'message_delta') usage = usageOf(event.usage, usage ?? NO_USAGE)
      })
      const message = await stream.finalMessage()
      const turn = turnOf(message, usage ?? usageOf(message.usage, NO_USAGE))
      return { how: 'completed', turn, told: true, limits: limitsOf(stream.response?.headers) }
    } catch (error) {
      return brokenBy(error as Error, begun ? (usage === undefined ? {} : { usage }) : undefined, signal.aborted)
    } finally {
      watched.end()
    }
  }

  #body({
    system,
    messages,
    tools = [],
    answer,
    maxTokens,
  }: Request): Anthropic.MessageCountTokensParams & { max_tokens: number } {
    return {
      model: this.name,
      max_tokens: maxTokens,
      // Tools come before the system prompt in the cached prefix, so one mark covers both; a second one moves on with the conversation.
      system: [{ type: 'text', text: system, ...CACHED }],
      messages: messages.map((m, i) => paramOf(m, i === messages.length - 1)),
      ...(tools.length === 0 ? {} : { tools: tools.map(toolParam) }),
      // Without the SDK's parser: what does not parse would be thrown, and its usage with it.
      ...(answer === undefined
        ? {}
        : { output_config: { format: { type: 'json_schema', schema: zodOutputFormat(answer.schema).schema } } }),
    }
  }
}

function toolParam({ name, description, input }: Tool): Anthropic.Tool {
  const made = betaZodTool({ name, description, inputSchema: input, run: () => '' })
  return { name, description, input_schema: (made as { input_schema: Anthropic.Tool.InputSchema }).input_schema }
}

function paramOf(message: Message, last: boolean): Anthropic.MessageParam {
  const mark = last ? CACHED : {}
  if (message.from === 'user') return { role: 'user', content: [{ type: 'text', text: message.text, ...mark }] }
  if (message.from === 'model')
    return {
      role: 'assistant',
      content: (message.turn.raw as Anthropic.ContentBlockParam[] | undefined) ?? message.turn.text,
    }
  return {
    role: 'user',
    content: message.results.map(({ id, text, failed }, i) => ({
      type: 'tool_result' as const,
      tool_use_id: id,
      content: text,
      ...(failed ? { is_error: true } : {}),
      ...(i === message.results.length - 1 ? mark : {}),
    })),
  }
}

function turnOf(message: Anthropic.Message, usage: Usage): Turn {
  const blocks = message.content
  return {
    stop: STOPS[message.stop_reason ?? 'end_turn'] ?? 'end',
    text: blocks.map((b) => (b.type === 'text' ? b.text : '')).join(''),
    uses: blocks.flatMap((b) => (b.type === 'tool_use' ? [{ id: b.id, name: b.name, input: b.input }] : [])),
    usage,
    raw: blocks,
  }
}

/** What a message or a later event tells, over what was told before. Totals, not additions. */
function usageOf(told: Partial<Anthropic.Usage> | Anthropic.MessageDeltaUsage, before: Usage): Usage {
  const written = 'cache_creation' in told ? told.cache_creation : undefined
  const long = written?.ephemeral_1h_input_tokens ?? before.cacheWriteLong
  const all = told.cache_creation_input_tokens
  return {
    input: told.input_tokens ?? before.input,
    cacheRead: told.cache_read_input_tokens ?? before.cacheRead,
    cacheWrite: written?.ephemeral_5m_input_tokens ?? (all == null ? before.cacheWrite : Math.max(0, all - long)),
    cacheWriteLong: long,
    output: told.output_tokens ?? before.output,
    reasoning: told.output_tokens_details?.thinking_tokens ?? before.reasoning,
  }
}
