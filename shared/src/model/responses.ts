// OpenAI's Responses, streamed, with nothing kept at the provider: reasoning travels back sealed in the next request.
import type OpenAI from 'openai'
import { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod'
import type {
  Response,
  ResponseCreateParamsStreaming,
  ResponseInputItem,
  ResponseStreamEvent,
  ResponseUsage,
} from 'openai/resources/responses/responses'
import type { Usage } from '../call.ts'
import { limitsOf } from './limits.ts'
import type { Message, Request, Stop, Turn } from './model.ts'
import type { Sent } from './wire.ts'

type Asked = Omit<ResponseCreateParamsStreaming, 'stream'>

export function responsesBody(model: string, request: Request, sealed: boolean): Asked {
  const { system, messages, tools = [], answer, maxTokens, purpose } = request
  return {
    model,
    instructions: system,
    input: messages.flatMap(itemsOf),
    max_output_tokens: maxTokens,
    store: false,
    prompt_cache_key: `swarm-${purpose.role}`,
    ...(sealed ? { include: ['reasoning.encrypted_content' as const] } : {}),
    ...(tools.length === 0
      ? {}
      : {
          tools: tools.map(({ name, description, input }) =>
            zodResponsesFunction({ name, description, parameters: input }),
          ),
        }),
    ...(answer === undefined ? {} : { text: { format: zodTextFormat(answer.schema, answer.name) } }),
  }
}

function itemsOf(message: Message): ResponseInputItem[] {
  if (message.from === 'user') return [{ role: 'user', content: message.text }]
  if (message.from === 'model') return message.turn.raw as ResponseInputItem[]
  return message.results.map(({ id, text }) => ({ type: 'function_call_output', call_id: id, output: text }))
}

/** One request. Throws what the SDK throws; `tell` learns that an answer has begun, and the usage once it is told. */
export async function sendResponses(
  client: OpenAI,
  body: Asked,
  signal: AbortSignal,
  tell: (usage?: Usage) => void,
): Promise<Sent> {
  const { data, response } = await client.responses.create({ ...body, stream: true }, { signal }).withResponse()
  const limits = limitsOf(response.headers)
  tell()
  let last: Response | undefined
  for await (const event of data as AsyncIterable<ResponseStreamEvent>) {
    tell()
    if (event.type === 'error') throw Object.assign(new Error(event.message), { code: event.code })
    if (!('response' in event)) continue
    last = event.response
    if (last.usage != null) tell(usageOf(last.usage))
    if (event.type === 'response.failed')
      throw Object.assign(new Error(last.error?.message ?? 'the response failed'), { code: last.error?.code })
  }
  if (last === undefined || last.status === 'in_progress') throw new Error('the stream ended before the response did')
  const turn = turnOf(last)
  return { how: 'completed', turn, told: last.usage != null, limits }
}

function turnOf(response: Response): Turn {
  const text: string[] = []
  const uses: Turn['uses'] = []
  let refused = response.incomplete_details?.reason === 'content_filter'
  for (const item of response.output) {
    if (item.type === 'function_call') uses.push({ id: item.call_id, name: item.name, input: inputOf(item.arguments) })
    if (item.type === 'message')
      for (const part of item.content) {
        refused ||= part.type === 'refusal'
        text.push(part.type === 'refusal' ? part.refusal : part.text)
      }
  }
  const stop: Stop = refused
    ? 'refusal'
    : response.status === 'incomplete'
      ? 'max-tokens'
      : uses.length > 0
        ? 'tools'
        : 'end'
  return { stop, text: text.join(''), uses, usage: usageOf(response.usage), raw: response.output }
}

/** Arguments as the model wrote them; what is no JSON stays a string, and the tool's schema refuses it. */
export function inputOf(text: string): unknown {
  try {
    return JSON.parse(text === '' ? '{}' : text)
  } catch {
    return text
  }
}

function usageOf(told: ResponseUsage | undefined | null): Usage {
  // Compatible servers leave details out.
  const read = told?.input_tokens_details?.cached_tokens ?? 0
  const written = told?.input_tokens_details?.cache_write_tokens ?? 0
  return {
    input: Math.max(0, (told?.input_tokens ?? 0) - read - written),
    cacheRead: read,
    cacheWrite: written,
    cacheWriteLong: 0,
    output: told?.output_tokens ?? 0,
    reasoning: told?.output_tokens_details?.reasoning_tokens ?? 0,
  }
}
