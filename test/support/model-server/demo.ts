// A script that needs no script: whoever asks gets an idea, an edit that changes an activation, or a lesson.
import type { Reply, Seen } from './reply.ts'

export function demo(seen: Seen): Reply {
  if (seen.wants !== undefined) return { text: '{}' }
  const turn = seen.said.filter(({ role }) => /assistant|function_call/.test(role)).length
  if (turn === 0 && seen.tools.includes('read'))
    return { uses: [{ name: 'read', input: { file: 'train.cu', from: null, to: null } }] }
  return { text: `Request ${seen.n} by ${seen.protocol}: ${seen.tools.length} tools, ${seen.said.length} messages.` }
}
