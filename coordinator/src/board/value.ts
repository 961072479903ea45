// What a best is worth on a track, and how noisy the track is (docs/decisions/0004).
import { mean, pooledNoise } from '../verdict/noise.ts'
import { type Scores, scoresOf } from './scores.ts'
import type { BestRecord, Board } from './schema.ts'

export interface Worth {
  track: string
  scores: Scores
  current: BestRecord
  /** Verified mean of the current best; undefined until its baselines are measured. */
  value: number | undefined
  /** Mean of the recipe this track began with, over the program's seeds. */
  baseline: number | undefined
  /** The best that still needs baselines on this track, with the seeds that are missing. */
  missing: number[]
  noise: number
}

export function currentBest(board: Board): BestRecord | undefined {
  return board.bests.get(board.bests.size - 1)
}

/** Undefined before the first best and program are on the ledger. */
export function worth(board: Board): Worth | undefined {
  const program = board.programs.get(board.programs.size)
  const current = currentBest(board)
  if (program === undefined || current === undefined) return undefined
  const { track } = program
  const { seeds, noise } = program.program
  const scores = scoresOf(board, track)
  const scoresAt = (best: BestRecord): number[] => {
    const { tree } = best.best
    return tree === undefined ? [] : seeds.flatMap((s) => scores.of(tree, s)?.valBpb ?? [])
  }
  const meanAt = (best: BestRecord): number | undefined => {
    const found = scoresAt(best)
    return found.length === seeds.length ? mean(found) : undefined
  }
  const movedHere = current.track === track && current.best.valBpb !== undefined
  const value = movedHere ? current.best.valBpb : meanAt(current)
  const first = [...board.bests.values()].sort((a, b) => a.best.n - b.best.n).find((b) => meanAt(b) !== undefined)
  const { tree } = current.best
  return {
    track,
    scores,
    current,
    value,
    baseline: first === undefined ? undefined : meanAt(first),
    missing: movedHere ? [] : seeds.filter((s) => tree === undefined || scores.of(tree, s) === undefined),
    noise: pooledNoise(noise, first === undefined ? [] : scoresAt(first)),
  }
}
