// The Chat Completions protocol: a reply as chunks, or as one completion.
import type { Usage } from '@swarm/shared/call'
import type { Stop } from '@swarm/shared/model/model'
import { type Frame, pieces, type Played, type Reply, sse, stopOf } from './reply.ts'

const FINISH: Record<Stop, string> = {
  end: 'stop',
  tools: 'tool_calls',
  'max-tokens': 'length',
  'stop-sequence': 'stop',
  refusal: 'content_filter',
  paused: 'stop',
  'context-full': 'length',
}

const told = (u: Usage): object => ({
  prompt_tokens: u.input + u.cacheRead + u.cacheWrite + u.cacheWriteLong,
  completion_tokens: u.output,
  total_tokens: u.input + u.cacheRead + u.cacheWrite + u.cacheWriteLong + u.output,
  prompt_tokens_details: { cached_tokens: u.cacheRead, cache_write_tokens: u.cacheWrite + u.cacheWriteLong },
  completion_tokens_details: { reasoning_tokens: u.reasoning },
})

export function playChat(
  reply: Reply,
  usage: Usage,
  { n, model, wantsUsage }: { n: number; model: string; wantsUsage: boolean },
): Played {
  const size = reply.delta ?? 9
  const calls = (reply.uses ?? []).map(({ name, input }, i) => ({
    id: `call_${n}_${i}`,
    type: 'function',
    function: { name, arguments: JSON.stringify(input) },
  }))
  const head = { id: `chatcmpl-${n}`, created: 1_700_000_000, model }
  const finish_reason = FINISH[stopOf(reply)]
  const chunk = (delta: object, rest: object = {}): Frame => ({
    text: sse({
      ...head,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, finish_reason: null, ...rest }],
    }),
  })
  const frames: Frame[] = [
    chunk(reply.noRole === true ? { content: '' } : { role: 'assistant', content: '' }),
    ...pieces(reply.text ?? '', size).map((content) => chunk({ content })),
    ...calls.flatMap((call, index) => [
      chunk({ tool_calls: [{ ...call, index, function: { name: call.function.name, arguments: '' } }] }),
      ...pieces(call.function.arguments, size).map((part) =>
        chunk({ tool_calls: [{ index, function: { arguments: part } }] }),
      ),
    ]),
    chunk({}, { finish_reason }),
  ]
  if (wantsUsage && reply.noUsage !== true)
    frames.push({
      text: sse({ ...head, object: 'chat.completion.chunk', choices: [], usage: told(usage) }),
      told: usage,
    })
  frames.push({ text: 'data: [DONE]\n\n' })
  const message = {
    role: 'assistant',
    content: reply.text ?? null,
    refusal: null,
    ...(calls.length > 0 ? { tool_calls: calls } : {}),
  }
  return {
    frames,
    whole: {
      ...head,
      object: 'chat.completion',
      choices: [{ index: 0, message, finish_reason, logprobs: null }],
      ...(reply.noUsage === true ? {} : { usage: told(usage) }),
    },
  }
}
