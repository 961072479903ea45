// Was this very source run with this seed on this track? Asked before time of a lane is spent.
import type { AskReply, AskRequest } from '@swarm/shared/subjects'
import { worth } from '../board/value.ts'
import type { Coordinator } from '../coordinator.ts'

export function duplicate(c: Coordinator, request: AskRequest<'duplicate'>): AskReply<'duplicate'> {
  const plan = c.board.experiments.get(request.experiment)?.experiment
  if (plan === undefined) return {}
  const score = worth(c.board)?.scores.of(request.tree, plan.seed)
  return score === undefined || score.experiment === plan.id ? {} : { duplicateOf: score.experiment }
}
