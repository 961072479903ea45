// Follow-ups: what an author suggested with its result becomes hypotheses with a parent, within bounds, and never twice.
import { isSentence } from '@swarm/shared/hypothesis'
import { cleaned } from '@swarm/shared/quoted'
import type { HypothesisRecord } from '../board/schema.ts'
import { isOpen } from '../board/steering.ts'
import { admit } from '../director/admit.ts'
import { left, OPEN_PER_AGENT } from './queue.ts'
import type { Situation, Step } from './situation.ts'

/** A follow-up of a follow-up of a follow-up is the last. */
const GENERATIONS = 3

export function followUps(s: Situation): Step[] {
  const reading = s.reading ?? 0
  if (reading === 0 || s.run.reached !== undefined || left(s) <= 0) return []
  const waiting = [...s.board.hypotheses.values()].filter((h) => isOpen(h) && isSentence(h.hypothesis))
  const room = 2 * OPEN_PER_AGENT * reading - waiting.length
  if (room <= 0) return []
  for (const e of s.board.experiments.values()) {
    const suggested = e.result?.followUps
    if (suggested === undefined || suggested.length === 0 || (e.recorded?.seq ?? 0) < s.run.seq) continue
    const parent = s.board.hypotheses.get(e.experiment.hypothesis?.id ?? '')
    if (parent === undefined || parent.vetoed !== undefined || generation(s, parent) >= GENERATIONS) continue
    const children = [...s.board.hypotheses.values()].filter(
      ({ hypothesis: h }) => h.origin === 'follow-up' && h.parent === parent.hypothesis.id,
    )
    const titles = new Set(children.map((h) => h.hypothesis.title))
    const fresh = suggested.filter(({ title }) => !titles.has(cleaned(title, 300)))
    const from = { origin: 'follow-up' as const, parent: parent.hypothesis.id }
    const { hypotheses } = admit(s.board, fresh, from, room)
    if (hypotheses.length > 0)
      return hypotheses.map((hypothesis) => ({ do: 'write', fact: { type: 'hypothesis-proposed', hypothesis } }))
  }
  return []
}

function generation(s: Situation, { hypothesis: h }: HypothesisRecord): number {
  const parent = h.origin === 'follow-up' ? s.board.hypotheses.get(h.parent ?? '') : undefined
  return parent === undefined ? 0 : 1 + generation(s, parent)
}
