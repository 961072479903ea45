// An answer of a fixed shape: asked for as structured output, and checked all the same, since not every server keeps to it.
import { z } from 'zod'
import { isTurn, type Model, type NoTurn, type Request } from './model.ts'

/** The model said something else, twice. */
export interface Unparsed {
  none: 'unparsed'
  why: string
}

export async function answer<S extends z.ZodObject>(
  model: Model,
  request: Omit<Request, 'answer' | 'tools'> & { answer: { name: string; schema: S } },
  signal: AbortSignal,
): Promise<{ value: z.infer<S> } | NoTurn | Unparsed> {
  const { name, schema } = request.answer
  let messages = request.messages
  let why = ''
  for (let n = 0; n < 2; n++) {
    const turn = await model.turn({ ...request, messages }, signal)
    if (!isTurn(turn)) return turn
    if (turn.stop === 'refusal') return { none: 'unparsed', why: 'the model refused to answer' }
    const read = readAnswer(schema, turn.text)
    if ('value' in read) return read
    why = turn.stop === 'max-tokens' ? `the answer was cut at ${request.maxTokens} tokens` : read.wrong
    const again = `That is not the ${name} asked for: ${why}. Answer with the JSON alone.`
    messages = [...messages, { from: 'model', turn }, { from: 'user', text: again }]
  }
  return { none: 'unparsed', why }
}

/** JSON in a text, with or without words around it, as the schema wants it. */
export function readAnswer<S extends z.ZodObject>(schema: S, text: string): { value: z.infer<S> } | { wrong: string } {
  const [from, to] = [text.indexOf('{'), text.lastIndexOf('}')]
  if (from < 0 || to < from) return { wrong: 'it holds no JSON object' }
  let json: unknown
  try {
    json = JSON.parse(text.slice(from, to + 1))
  } catch (error) {
    return { wrong: `it is no JSON (${(error as Error).message.slice(0, 120)})` }
  }
  const parsed = schema.safeParse(complete(z.toJSONSchema(schema) as Shape, json))
  if (parsed.success) return { value: parsed.data }
  const issue = parsed.error.issues[0]
  return { wrong: `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not as asked'}` }
}

type Shape = { type?: unknown; anyOf?: Shape[]; properties?: Record<string, Shape>; items?: Shape }

/** Servers that do not keep to a schema leave out what may be null. */
function complete(shape: Shape, value: unknown): unknown {
  const nullable = [shape.type].flat().includes('null') || shape.anyOf?.some((s) => s.type === 'null')
  if (value == null && nullable) return null
  if (shape.anyOf !== undefined) return complete(shape.anyOf.find((s) => s.type !== 'null') ?? {}, value)
  if (Array.isArray(value)) return value.map((v) => complete(shape.items ?? {}, v))
  if (typeof value !== 'object' || value === null || shape.properties === undefined) return value
  const given = value as Record<string, unknown>
  return {
    ...given,
    ...Object.fromEntries(
      Object.entries(shape.properties).flatMap(([key, inner]) => {
        const made = complete(inner, given[key])
        return made === undefined ? [] : [[key, made]]
      }),
    ),
  }
}
