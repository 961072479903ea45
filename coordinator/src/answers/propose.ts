// Ideas of an agent's own researcher, with the director off: what was tried is refused, what is new is meant for that agent.
import { isSentence } from '@swarm/shared/hypothesis'
import type { AskReply, AskRequest } from '@swarm/shared/subjects'
import { isOpen } from '../board/steering.ts'
import type { Coordinator } from '../coordinator.ts'
import { OPEN_PER_AGENT } from '../decide/queue.ts'
import { admit } from '../director/admit.ts'
import type { Proposers } from '../director/proposers.ts'

export async function propose(
  c: Coordinator,
  proposers: Proposers | undefined,
  { agent, session, proposals }: AskRequest<'propose'>,
): Promise<AskReply<'propose'>> {
  if (proposers === undefined) return { refused: 'a director proposes in this swarm' }
  if (c.finished !== undefined || c.run.reached !== undefined) return { refused: 'this run is at its end' }
  if (!c.roster.present().some((a) => a.agent === agent && a.session === session))
    return { refused: `there is no agent ${agent} here; join first` }
  const own = [...c.board.hypotheses.values()].filter(
    (h) => isOpen(h) && isSentence(h.hypothesis) && h.hypothesis.agent === agent,
  )
  const room = Math.max(0, OPEN_PER_AGENT - own.length)
  const { hypotheses, notTaken } = admit(c.board, proposals, { origin: 'model', agent }, room)
  for (const hypothesis of hypotheses) await c.write({ type: 'hypothesis-proposed', hypothesis })
  if (hypotheses.length > 0) proposers.proposed(agent)
  await c.settle(!proposers.more)
  return { taken: hypotheses.map((h) => h.id), notTaken }
}
