// Scores looked up instead of run again: one track, one tree of the editable folder, one seed and one held-out text are one score.
import type { Split } from '@swarm/shared/experiment'
import type { ExperimentRecord, Board } from './schema.ts'

export interface Score {
  experiment: string
  valBpb: number
}

const key = (track: string, tree: string, seed: number, split: Split = 'val'): string =>
  `${track} ${tree} ${seed} ${split}`

export interface Scores {
  /** The score of a tree on a seed and a text, from whichever experiment measured it first. */
  of(tree: string, seed: number, split?: Split): Score | undefined
  /** Tree of the editable folder at a commit, as far as a run or a promotion has told it. */
  treeAt(commit: string): string | undefined
}

/** Scores of one track. */
export function scoresOf(board: Board, track: string): Scores {
  const scores = new Map<string, Score>()
  const trees = new Map<string, string>()
  for (const { best } of board.bests.values()) if (best.tree !== undefined) trees.set(best.commit, best.tree)
  for (const e of inOrder(board)) {
    const r = e.result
    if (r?.tree === undefined || r.outcome !== 'measured' || r.measurement === undefined) continue
    if (e.experiment.kind === 'baseline') trees.set(e.experiment.base, r.tree)
    const k = key(r.track, r.tree, r.seed, e.experiment.split)
    if (!scores.has(k)) scores.set(k, { experiment: r.experiment, valBpb: r.measurement.valBpb })
  }
  return { of: (tree, seed, split) => scores.get(key(track, tree, seed, split)), treeAt: (commit) => trees.get(commit) }
}

/** Recorded experiments in the order of their results. */
export function inOrder(board: Board): ExperimentRecord[] {
  return [...board.experiments.values()]
    .filter((e) => e.recorded !== undefined)
    .sort((a, b) => (a.recorded?.seq ?? 0) - (b.recorded?.seq ?? 0))
}
