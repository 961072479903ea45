// The Responses protocol: a reply as server-sent events, or as one response.
import type { Usage } from '@swarm/shared/call'
import { type Frame, pieces, type Played, type Reply, sse, stopOf } from './reply.ts'

const told = (u: Usage): object => ({
  input_tokens: u.input + u.cacheRead + u.cacheWrite + u.cacheWriteLong,
  input_tokens_details: { cached_tokens: u.cacheRead, cache_write_tokens: u.cacheWrite + u.cacheWriteLong },
  output_tokens: u.output,
  output_tokens_details: { reasoning_tokens: u.reasoning },
  total_tokens: u.input + u.cacheRead + u.cacheWrite + u.cacheWriteLong + u.output,
})

type Event = { type: string } & Record<string, unknown>

interface Item {
  whole: Record<string, unknown>
  events: (index: number) => Event[]
}

function itemsOf(reply: Reply, n: number): Item[] {
  const size = reply.delta ?? 9
  const items: Item[] = []
  if (reply.thinking !== undefined) {
    const whole = {
      id: `rs_${n}`,
      type: 'reasoning',
      summary: [{ type: 'summary_text', text: reply.thinking }],
      encrypted_content: `sealed-${n}`,
    }
    items.push({ whole, events: () => [] })
  }
  if (reply.text !== undefined) {
    const refused = stopOf(reply) === 'refusal'
    const part = refused
      ? { type: 'refusal', refusal: reply.text }
      : { type: 'output_text', text: reply.text, annotations: [], logprobs: [] }
    const id = `msg_${n}`
    const whole = { id, type: 'message', role: 'assistant', status: 'completed', content: [part] }
    const [one, last] = refused ? ['refusal', 'refusal'] : ['output_text', 'text']
    items.push({
      whole,
      events: (output_index) => {
        const at = { item_id: id, output_index, content_index: 0 }
        return [
          {
            type: 'response.content_part.added',
            ...at,
            part: refused ? { ...part, refusal: '' } : { ...part, text: '' },
          },
          ...pieces(reply.text as string, size).map((delta) => ({
            type: `response.${one}.delta`,
            ...at,
            delta,
            logprobs: [],
          })),
          { type: `response.${one}.done`, ...at, [last as string]: reply.text, logprobs: [] },
          { type: 'response.content_part.done', ...at, part },
        ]
      },
    })
  }
  for (const [i, { name, input }] of (reply.uses ?? []).entries()) {
    const id = `fc_${n}_${i}`
    const whole = {
      id,
      type: 'function_call',
      call_id: `call_${n}_${i}`,
      name,
      arguments: JSON.stringify(input),
      status: 'completed',
    }
    items.push({
      whole,
      events: (output_index) => [
        ...pieces(whole.arguments, size).map((delta) => ({
          type: 'response.function_call_arguments.delta',
          item_id: id,
          output_index,
          delta,
        })),
        {
          type: 'response.function_call_arguments.done',
          item_id: id,
          output_index,
          name,
          arguments: whole.arguments,
        },
      ],
    })
  }
  return items
}

const emptied = (item: Record<string, unknown>): object => ({
  ...item,
  status: 'in_progress',
  ...(item.type === 'function_call' ? { arguments: '' } : {}),
  ...(item.type === 'message' ? { content: [] } : {}),
})

export function playResponses(reply: Reply, usage: Usage, { n, model }: { n: number; model: string }): Played {
  const items = itemsOf(reply, n)
  const stop = stopOf(reply)
  const reason = stop === 'max-tokens' || stop === 'context-full' ? 'max_output_tokens' : undefined
  const status = reason === undefined ? 'completed' : 'incomplete'
  const head = {
    id: `resp_${n}`,
    object: 'response',
    created_at: 1_700_000_000,
    model,
    error: null,
    instructions: null,
    metadata: {},
    parallel_tool_calls: true,
    temperature: null,
    top_p: null,
    tool_choice: 'auto',
    tools: [],
    incomplete_details: null,
  }
  const whole = {
    ...head,
    status,
    output: items.map((i) => i.whole),
    usage: told(usage),
    ...(reason === undefined ? {} : { incomplete_details: { reason } }),
  }
  const begun = { ...head, status: 'in_progress', output: [], usage: null }
  const events: Event[] = [
    { type: 'response.created', response: begun },
    { type: 'response.in_progress', response: begun },
    ...items.flatMap(({ whole: item, events: made }, output_index) => [
      { type: 'response.output_item.added', output_index, item: emptied(item) },
      ...made(output_index),
      { type: 'response.output_item.done', output_index, item },
    ]),
  ]
  const frames: Frame[] = [...events, { type: `response.${status}`, response: whole }].map(
    (event, sequence_number) => ({
      text: sse({ ...event, sequence_number }, event.type),
    }),
  )
  ;(frames.at(-1) as Frame).told = usage
  return { frames, whole }
}
