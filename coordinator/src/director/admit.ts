// From proposals to hypotheses: what was tried or is open already is refused with its reason, what is new gets its number. Pure.
import type { Hypothesis, Origin, Proposal } from '@swarm/shared/hypothesis'
import { cleaned } from '@swarm/shared/quoted'
import type { Board } from '../board/schema.ts'
import { nextHypothesisId } from '../decide/situation.ts'
import { alike, ALIKE, repeatOf } from './repeats.ts'

export interface Admission {
  hypotheses: Hypothesis[]
  notTaken: { title: string; why: string }[]
}

/** `room`: no more than this many. */
export function admit(
  board: Board,
  proposals: readonly Proposal[],
  from: { origin: Origin; parent?: string; agent?: string; by?: string },
  room = Infinity,
): Admission {
  const hypotheses: Hypothesis[] = []
  const notTaken: Admission['notTaken'] = []
  for (const proposal of proposals) {
    const title = cleaned(proposal.title, 300)
    const among = hypotheses.find((h) => alike(h.title, title) >= ALIKE)
    const why =
      title === ''
        ? 'it has no title'
        : (repeatOf(board, title)?.why ??
          (among !== undefined
            ? `nearly the same as ${among.id} of the same proposal`
            : hypotheses.length >= room
              ? 'the queue is full'
              : undefined))
    if (why !== undefined) notTaken.push({ title: title || 'without a title', why })
    else {
      const builds = proposal.builds?.filter((id) => board.hypotheses.has(id))
      const { builds: _, ...rest } = proposal
      hypotheses.push({
        ...rest,
        id: nextHypothesisId(board, hypotheses.length),
        title,
        edits: [],
        ...from,
        ...(builds === undefined || builds.length === 0 ? {} : { builds }),
      })
    }
  }
  return { hypotheses, notTaken }
}
