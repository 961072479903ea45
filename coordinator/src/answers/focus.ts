// A person points at an area: the search turns its knobs first, a model is told of it in its digest.
import { isAbout, readKnobs } from '@swarm/shared/knobs'
import type { AskReply, AskRequest } from '@swarm/shared/subjects'
import { focusOf, said } from '../board/steering.ts'
import { currentBest } from '../board/value.ts'
import type { Coordinator } from '../coordinator.ts'
import { sourceAt } from '../hub.ts'
import { line } from './line.ts'

export async function focus(c: Coordinator, { area, by }: AskRequest<'focus'>): Promise<AskReply<'focus'>> {
  if (focusOf(c.board) !== area) {
    const n = said(c.board, 'focus-set').length + 1
    await c.write({ type: 'focus-set', n, by: line(by), ...(area === undefined ? {} : { area }) })
  }
  if (area === undefined) return { knobs: [] }
  const best = currentBest(c.board)?.best.commit as string
  const { editable, scale } = c.program.program
  const knobs = readKnobs(await sourceAt(c.hub, best, editable), scale)
  return { knobs: knobs.filter((k) => isAbout(k, area)).map((k) => k.name) }
}
