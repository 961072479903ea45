// What a decision is made from and what it may come to. Nothing here touches the world.
import type { CapName } from '@swarm/shared/call'
import type { Fact } from '@swarm/shared/event'
import type { Finding } from '@swarm/shared/finding'
import type { Experiment } from '@swarm/shared/experiment'
import type { Knob } from '@swarm/shared/knobs'
import type { Board, ExperimentRecord, ProgramRecord, RunRecord } from '../board/schema.ts'
import { isWithdrawn } from '../board/steering.ts'
import type { Worth } from '../board/value.ts'
import { draw } from '../director/draw.ts'

type WithoutTime<F> = F extends Fact ? Omit<F, 'at'> : never
/** A fact that should exist; the clock is the writer's. */
export type FactToWrite = WithoutTime<Fact>

export type Step =
  | { do: 'write'; fact: FactToWrite }
  /** Commit the diff of a confirmed hypothesis, write best-moved, move the branch. */
  | { do: 'promote'; finding: Finding; diff: string; agent: string; valBpb: number }
  /** Nothing is left to do. failed: it cannot go on, and a person has to look. */
  | { do: 'finish'; reason: string; failed: boolean; cap?: CapName }

export interface World {
  board: Board
  /** Lanes to keep busy: what `swarm up` was asked for, or more when more have joined. */
  agents: number
  /** How many of them read: they take sentences, the others knobs. */
  reading?: number
  /** May somebody still come up with a sentence? Without a model that directs or proposes, nobody can. */
  thinking?: boolean
  /** Names of agents that are here. */
  live: readonly string[]
  knobsAt(commit: string): readonly Knob[]
  /** The data set has a second held-out text. */
  hidden: boolean
  /** New hypotheses only at the start and after a result: so one agent always meets the same queue. */
  topUp: boolean
}

export interface Situation extends World {
  run: RunRecord
  program: ProgramRecord
  worth: Worth
}

/** Experiments of the current track that somebody runs or is to run. */
export function liveExperiments(s: Situation): ExperimentRecord[] {
  return [...s.board.experiments.values()].filter(
    (e) => e.result === undefined && e.experiment.track === s.program.track && !isWithdrawn(s.board, e),
  )
}

export const nextExperimentId = (s: Situation, more = 0): string =>
  `e${String(s.board.experiments.size + 1 + more).padStart(4, '0')}`
export const nextHypothesisId = (board: Board, more = 0): string =>
  `h${String(board.hypotheses.size + 1 + more).padStart(4, '0')}`

export function plan(
  s: Situation,
  experiment: Omit<Experiment, 'id' | 'budget' | 'track'>,
  more = 0,
  agent?: string,
): Step {
  const { budget, track } = s.program
  return {
    do: 'write',
    fact: {
      type: 'experiment-planned',
      experiment: { id: nextExperimentId(s, more), budget, track, ...experiment },
      ...(agent === undefined ? {} : { agent }),
    },
  }
}

/** Seeds of the repeats against best `n`: from the swarm's seed and n, never one that was used before in the lineage. */
export function freshSeeds(s: Pick<Situation, 'run' | 'program'>, seed: number, n: number): number[] {
  const { seeds, repeats } = s.program.program
  const taken = new Set(seeds)
  let drawn: number[] = []
  for (let best = 0; best <= n; best++) {
    drawn = []
    for (let i = 0; drawn.length < repeats; i++) {
      const next = 1_000 + Math.floor(draw(seed, 'fresh', best, i) * 999_000)
      if (!taken.has(next)) {
        taken.add(next)
        drawn.push(next)
      }
    }
  }
  return drawn
}
