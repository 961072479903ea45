// A person's idea: looked at against the best of now, then a hypothesis like any other.
import { guardDiff } from '@swarm/shared/guard'
import type { KnobEdit } from '@swarm/shared/hypothesis'
import { setKnobs } from '@swarm/shared/knobs'
import type { Scale } from '@swarm/shared/scale'
import type { AskReply, AskRequest } from '@swarm/shared/subjects'
import { currentBest } from '../board/value.ts'
import type { Coordinator } from '../coordinator.ts'
import { nextHypothesisId } from '../decide/situation.ts'
import { sourceAt } from '../hub.ts'
import { line } from './line.ts'

export async function suggest(
  c: Coordinator,
  { title, edits, diff, by }: AskRequest<'suggest'>,
): Promise<AskReply<'suggest'>> {
  const best = currentBest(c.board)?.best.commit as string
  const { editable, scale } = c.program.program
  const refused = knobsRefused(await sourceAt(c.hub, best, editable), edits, scale)
  if (refused !== undefined) return { refused }
  if (diff !== undefined) {
    const guarded = await guardDiff(c.hub, best, diff, editable)
    if ('refused' in guarded) return { refused: `${guarded.refused}. Write it on the best of now: swarm best` }
    if (guarded.diff === '') return { refused: 'the diff changes nothing' }
    diff = guarded.diff
  }
  const hypothesis = nextHypothesisId(c.board)
  const sentence = line(title) || 'A suggestion without words'
  await c.write({
    type: 'hypothesis-proposed',
    hypothesis: {
      id: hypothesis,
      title: sentence,
      origin: 'human',
      edits,
      by,
      ...(diff === undefined ? {} : { diff }),
    },
  })
  await c.settle(false)
  return { hypothesis }
}

function knobsRefused(source: string, edits: readonly KnobEdit[], scale: Scale): string | undefined {
  const set = setKnobs(source, edits, scale)
  if ('refused' in set) return set.refused
  return edits.length > 0 && set.source === source ? 'the best has these values already' : undefined
}
