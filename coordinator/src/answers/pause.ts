// A person lets an agent rest, or all of them; or go on. Agents read it on the ledger.
import type { AskReply, AskRequest } from '@swarm/shared/subjects'
import { isPaused, said } from '../board/steering.ts'
import type { Coordinator } from '../coordinator.ts'
import { line } from './line.ts'

export async function pause(c: Coordinator, { agent, paused, by }: AskRequest<'pause'>): Promise<AskReply<'pause'>> {
  const here = c.roster.present().map((a) => a.agent)
  if (agent !== 'all' && !here.includes(agent))
    return {
      refused: `no agent ${agent} is here; ${here.length === 0 ? 'nobody is' : `here ${here.length === 1 ? 'is' : 'are'} ${here.join(', ')}`}`,
    }
  // A word for all holds for those who come later too: it is said whatever those here do.
  if (agent === 'all' || isPaused(c.board, agent) !== paused) {
    const n = said(c.board, 'agent-paused').length + 1
    await c.write({ type: 'agent-paused', n, agent, paused, by: line(by) })
    await c.tidyLines()
  }
  return { ok: true }
}
