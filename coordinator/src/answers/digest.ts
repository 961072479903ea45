// The board in words, for an agent that proposes for itself, and for people.
import type { AskReply, AskRequest } from '@swarm/shared/subjects'
import type { Coordinator } from '../coordinator.ts'
import { digest } from '../director/digest.ts'
import type { Proposers } from '../director/proposers.ts'

export async function digestFor(
  c: Coordinator,
  proposers: Proposers | undefined,
  { agent }: AskRequest<'digest'>,
): Promise<AskReply<'digest'>> {
  if (proposers !== undefined && c.roster.present().some((a) => a.agent === agent)) proposers.looks(agent)
  const text = digest(c.board)
  // Whoever looked for the last time may have been the last hope.
  if (proposers?.more === false) await c.settle(true)
  return { seq: c.board.seq, text }
}
