// The Messages protocol: a reply as server-sent events, or as one message.
import type { Usage } from '@swarm/shared/call'
import type { Stop } from '@swarm/shared/model/model'
import { type Frame, pieces, type Played, type Reply, sse, stopOf } from './reply.ts'

const STOPS: Record<Stop, string> = {
  end: 'end_turn',
  tools: 'tool_use',
  'max-tokens': 'max_tokens',
  'stop-sequence': 'stop_sequence',
  refusal: 'refusal',
  paused: 'pause_turn',
  'context-full': 'model_context_window_exceeded',
}

const told = (u: Usage): object => ({
  input_tokens: u.input,
  cache_read_input_tokens: u.cacheRead,
  cache_creation_input_tokens: u.cacheWrite + u.cacheWriteLong,
  cache_creation: { ephemeral_5m_input_tokens: u.cacheWrite, ephemeral_1h_input_tokens: u.cacheWriteLong },
  output_tokens: u.output,
  output_tokens_details: { thinking_tokens: u.reasoning },
  server_tool_use: null,
  service_tier: 'standard',
})

interface Block {
  start: object
  deltas: object[]
  whole: object
}

function blocksOf(reply: Reply, n: number): Block[] {
  const size = reply.delta ?? 9
  const blocks: Block[] = []
  if (reply.thinking !== undefined)
    blocks.push({
      start: { type: 'thinking', thinking: '', signature: '' },
      deltas: [
        ...pieces(reply.thinking, size).map((thinking) => ({ type: 'thinking_delta', thinking })),
        { type: 'signature_delta', signature: `signed-${n}` },
      ],
      whole: { type: 'thinking', thinking: reply.thinking, signature: `signed-${n}` },
    })
  if (reply.text !== undefined)
    blocks.push({
      start: { type: 'text', text: '' },
      deltas: pieces(reply.text, size).map((text) => ({ type: 'text_delta', text })),
      whole: { type: 'text', text: reply.text },
    })
  for (const [i, { name, input }] of (reply.uses ?? []).entries()) {
    const use = { type: 'tool_use', id: `toolu_${n}_${i}`, name }
    blocks.push({
      start: { ...use, input: {} },
      deltas: pieces(JSON.stringify(input), size).map((partial_json) => ({ type: 'input_json_delta', partial_json })),
      whole: { ...use, input },
    })
  }
  return blocks
}

export function playMessages(reply: Reply, usage: Usage, { n, model }: { n: number; model: string }): Played {
  const blocks = blocksOf(reply, n)
  const stop = { stop_reason: STOPS[stopOf(reply)], stop_sequence: stopOf(reply) === 'stop-sequence' ? 'END' : null }
  const head = { id: `msg_${n}`, type: 'message', role: 'assistant', model }
  const begun: Usage = { ...usage, output: Math.min(1, usage.output), reasoning: 0 }
  const event = (type: string, rest: object): Frame => ({ text: sse({ type, ...rest }, type) })
  const frames: Frame[] = [
    {
      ...event('message_start', {
        message: { ...head, content: [], stop_reason: null, stop_sequence: null, usage: told(begun) },
      }),
      told: begun,
    },
    event('ping', {}),
    ...blocks.flatMap(({ start, deltas }, index) => [
      event('content_block_start', { index, content_block: start }),
      ...deltas.map((delta) => event('content_block_delta', { index, delta })),
      event('content_block_stop', { index }),
    ]),
    { ...event('message_delta', { delta: stop, usage: told(usage) }), told: usage },
    event('message_stop', {}),
  ]
  return { frames, whole: { ...head, content: blocks.map((b) => b.whole), ...stop, usage: told(usage) } }
}
