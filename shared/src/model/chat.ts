// Chat Completions, for every compatible server (Ollama, llama.cpp, vLLM). Raw chunks are read, since the SDK's stream reader wants a
// role in the first delta, which some servers leave out; and usage comes in a stream only when it is asked for.
import type OpenAI from 'openai'
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod'
import type {
  ChatCompletionChunk,
  ChatCompletionCreateParamsStreaming,
  ChatCompletionMessageParam,
} from 'openai/resources/chat/completions'
import type { CompletionUsage } from 'openai/resources/completions'
import { NO_USAGE, type Usage } from '../call.ts'
import { limitsOf } from './limits.ts'
import type { Message, Request, Stop, Turn } from './model.ts'
import { inputOf } from './responses.ts'
import type { Sent } from './wire.ts'

type Asked = Omit<ChatCompletionCreateParamsStreaming, 'stream'>
type Choice = ChatCompletionChunk.Choice

const STOPS: Record<NonNullable<Choice['finish_reason']>, Stop> = {
  stop: 'end',
  length: 'max-tokens',
  tool_calls: 'tools',
  function_call: 'tools',
  content_filter: 'refusal',
}

export function chatBody(model: string, { system, messages, tools = [], answer, maxTokens }: Request): Asked {
  return {
    model,
    messages: [{ role: 'system', content: system }, ...messages.flatMap(paramsOf)],
    // Not max_completion_tokens: compatible servers know the older name.
    max_tokens: maxTokens,
    stream_options: { include_usage: true },
    ...(tools.length === 0
      ? {}
      : { tools: tools.map(({ name, description, input }) => zodFunction({ name, description, parameters: input })) }),
    ...(answer === undefined ? {} : { response_format: zodResponseFormat(answer.schema, answer.name) }),
  }
}

function paramsOf(message: Message): ChatCompletionMessageParam[] {
  if (message.from === 'user') return [{ role: 'user', content: message.text }]
  if (message.from === 'tools')
    return message.results.map(({ id, text }) => ({ role: 'tool', tool_call_id: id, content: text }))
  const { text, uses } = message.turn
  const tool_calls = uses.map(({ id, name, input }) => ({
    id,
    type: 'function' as const,
    function: { name, arguments: typeof input === 'string' ? input : JSON.stringify(input) },
  }))
  return [{ role: 'assistant', content: text, ...(tool_calls.length === 0 ? {} : { tool_calls }) }]
}

/** One request. Throws what the SDK throws; `tell` learns that an answer has begun, and the usage once it is told. */
export async function sendChat(
  client: OpenAI,
  body: Asked,
  signal: AbortSignal,
  tell: (usage?: Usage) => void,
): Promise<Sent> {
  const { data, response } = await client.chat.completions.create({ ...body, stream: true }, { signal }).withResponse()
  const limits = limitsOf(response.headers)
  tell()
  let [text, refusal] = ['', '']
  let finish: Choice['finish_reason'] = null
  let told: Usage | undefined
  const calls: { id: string; name: string; json: string }[] = []
  for await (const chunk of data) {
    if (chunk.usage != null) told = usageOf(chunk.usage)
    tell(told)
    const choice = chunk.choices?.[0]
    if (choice === undefined) continue
    text += choice.delta?.content ?? ''
    refusal += choice.delta?.refusal ?? ''
    for (const part of choice.delta?.tool_calls ?? []) {
      // Some servers number no calls and send each in one piece.
      const at = part.index ?? calls.length
      calls[at] ??= { id: part.id ?? `call_${at}`, name: '', json: '' }
      const call = calls[at] as (typeof calls)[number]
      call.name += part.function?.name ?? ''
      call.json += part.function?.arguments ?? ''
    }
    finish = choice.finish_reason ?? finish
  }
  if (finish === null) throw new Error('the stream ended before the answer did')
  const uses = calls.map(({ id, name, json }) => ({ id, name, input: inputOf(json) }))
  const said = STOPS[finish] ?? 'end'
  // A few servers say `stop` and call tools all the same.
  const stop: Stop = refusal !== '' ? 'refusal' : said === 'end' && uses.length > 0 ? 'tools' : said
  const turn: Turn = { stop, text: text === '' ? refusal : text, uses, usage: told ?? NO_USAGE }
  return { how: 'completed', turn, told: told !== undefined, limits }
}

function usageOf({ prompt_tokens, completion_tokens, ...details }: CompletionUsage): Usage {
  const read = details.prompt_tokens_details?.cached_tokens ?? 0
  const written = details.prompt_tokens_details?.cache_write_tokens ?? 0
  return {
    input: Math.max(0, prompt_tokens - read - written),
    cacheRead: read,
    cacheWrite: written,
    cacheWriteLong: 0,
    output: completion_tokens ?? 0,
    reasoning: details.completion_tokens_details?.reasoning_tokens ?? 0,
  }
}
