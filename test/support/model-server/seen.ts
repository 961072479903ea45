// Reading a request of any protocol into the same words, and estimating its tokens: four characters each, cached prefixes apart.
import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Protocol, Seen } from './reply.ts'

type Json = Record<string, unknown>
const list = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : [])

/** Text of a string, a block, or a list of blocks; a tool's result and a tool's input count as text. */
function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (Array.isArray(value))
    return value
      .map(textOf)
      .filter((t) => t !== '')
      .join('\n')
  if (typeof value !== 'object' || value === null) return ''
  const { text, content, output, thinking, input, arguments: args, refusal } = value as Json
  return textOf(
    text ?? content ?? output ?? thinking ?? refusal ?? args ?? (input === undefined ? '' : JSON.stringify(input)),
  )
}

export function seenOf(n: number, protocol: Protocol, headers: IncomingHttpHeaders, body: Json): Seen {
  const messages = list(body.messages)
  const first = protocol === 'chat' && /system|developer/.test(String(messages[0]?.role)) ? 1 : 0
  const system =
    protocol === 'messages'
      ? textOf(body.system)
      : protocol === 'responses'
        ? textOf(body.instructions)
        : textOf(messages.slice(0, first))
  const turns =
    protocol === 'responses'
      ? typeof body.input === 'string'
        ? [{ role: 'user', content: body.input }]
        : list(body.input)
      : messages.slice(first)
  const said = turns.map((t) => ({ role: String(t.role ?? t.type), text: textOf(t) }))
  const schema = [body.text, body.output_config, body.response_format]
    .map((asked) => asked as { format?: Json; json_schema?: Json } | undefined)
    .map((asked) => ((asked?.format ?? asked?.json_schema)?.schema as Json | undefined)?.properties)
    .find((properties) => properties !== undefined)
  const wants = schema === undefined ? undefined : Object.keys(schema as object)[0]
  return {
    n,
    protocol,
    headers,
    body,
    model: String(body.model),
    system,
    said,
    last: said.at(-1)?.text ?? '',
    tools: list(body.tools).map((t) => String(t.name ?? (t.function as Json | undefined)?.name)),
    ...(wants === undefined ? {} : { wants }),
  }
}

export const tokensIn = (value: unknown): number => Math.ceil(JSON.stringify(value ?? '').length / 4)

/** Everything a model reads of a request. */
const readOf = ({ protocol, body }: Pick<Seen, 'protocol' | 'body'>): unknown[] =>
  protocol === 'responses' ? [body.tools, body.instructions, body.input] : [body.tools, body.system, body.messages]

export const inputTokens = (seen: Pick<Seen, 'protocol' | 'body'>): number => tokensIn(readOf(seen))

export interface Part {
  key: string
  tokens: number
}

/**
 * What of a request can be cached: its beginnings, from shortest to longest, the last one as far as it asks for. Messages: up to the last
 * block that is marked. Responses and chat: tools and instructions, where a key is given. Empty: nothing.
 */
export function cacheable(seen: Seen): Part[] {
  const { protocol, body } = seen
  const part = (blocks: unknown[]): Part => ({
    key: createHash('sha256').update(JSON.stringify(blocks)).digest('hex'),
    tokens: Math.min(tokensIn(blocks), inputTokens(seen)),
  })
  if (protocol !== 'messages')
    return body.prompt_cache_key === undefined ? [] : [part([body.prompt_cache_key, body.tools, seen.system])]
  const flat = [...list(body.tools), ...list(body.system), ...list(body.messages).flatMap((m) => list(m.content))]
  const last = flat.findLastIndex((block) => block.cache_control !== undefined)
  const bare = flat.map(({ cache_control: _, ...rest }) => rest)
  return bare.slice(0, last + 1).map((_, i) => part(bare.slice(0, i + 1)))
}

/** How many rounds the model has answered: a text, or uses of tools at once. */
export const rounds = ({ said }: Pick<Seen, 'said'>): number => {
  const models = said.map(({ role }) => role === 'assistant' || role === 'function_call')
  return models.filter((is, i) => is && models[i - 1] !== true).length
}
