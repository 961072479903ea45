// What people said of the swarm's course, as it stands now: the focus, who is paused, what is vetoed.
import type { Board, ExperimentRecord, HypothesisRecord, SteeringRecord } from './schema.ts'

type Of<T extends SteeringRecord['type']> = Extract<SteeringRecord, { type: T }>

/** Words of one kind in the order they were said. */
export function said<T extends SteeringRecord['type']>(board: Board, type: T): Of<T>[] {
  return [...board.steering.values()].filter((s): s is Of<T> => s.type === type).sort((a, b) => a.n - b.n)
}

/** The area people want looked at first; undefined for anything. */
export const focusOf = (board: Board): string | undefined => said(board, 'focus-set').at(-1)?.area

/** The last word for this agent, or for all, in this run; the next `swarm up` is a word of its own: go on. */
export function isPaused(board: Board, agent: string): boolean {
  const since = board.runs.get(board.runs.size)?.seq ?? 0
  const words = said(board, 'agent-paused').filter((p) => p.seq > since && (p.agent === agent || p.agent === 'all'))
  return words.at(-1)?.paused ?? false
}

/** Neither a verdict nor a veto yet. */
export const isOpen = (h: HypothesisRecord): boolean => h.finding === undefined && h.vetoed === undefined

/** Its hypothesis was vetoed before it had a result: nobody is to begin it. Who runs it already may finish. */
export const isWithdrawn = (board: Board, { experiment, result }: ExperimentRecord): boolean =>
  result === undefined && board.hypotheses.get(experiment.hypothesis?.id ?? '')?.vetoed !== undefined

/** Its last word is a run on the second held-out text: too good to be taken as it is. */
export function isQuarantined(board: Board, h: HypothesisRecord): boolean {
  return isOpen(h) && board.experiments.get(h.experiments.at(-1) ?? '')?.experiment.split === 'hidden'
}
