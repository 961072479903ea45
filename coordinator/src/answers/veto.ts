// A person strikes a hypothesis: nothing more of it is begun, and it is never promoted.
import type { AskReply, AskRequest } from '@swarm/shared/subjects'
import type { Coordinator } from '../coordinator.ts'
import { line } from './line.ts'

export async function veto(c: Coordinator, { hypothesis, by, reason }: AskRequest<'veto'>): Promise<AskReply<'veto'>> {
  const h = c.board.hypotheses.get(hypothesis)
  if (h === undefined) return { refused: `there is no hypothesis ${hypothesis}` }
  if (h.vetoed !== undefined) return { refused: `${hypothesis} was vetoed before, by ${h.vetoed.by}` }
  const best = [...c.board.bests.values()].find((b) => b.best.hypothesis === hypothesis)?.best
  if (best !== undefined) return { refused: `${hypothesis} is best ${best.n} already, and later runs stand on it` }
  const verdict = c.board.findings.get(h.finding ?? '')?.finding.verdict
  if (verdict !== undefined) return { refused: `${hypothesis} is closed already: ${verdict}` }
  const why = line(reason ?? '')
  await c.write({ type: 'hypothesis-vetoed', hypothesis, by: line(by), ...(why === '' ? {} : { reason: why }) })
  await c.tidyLines()
  // What it leaves free is filled, and a run that had nothing else to do ends.
  await c.settle(true)
  return { ok: true }
}
