// A researcher turns a hypothesis that is only a sentence into an edit. (Knob edits and given diffs need none.) One that reads can also
// propose hypotheses and say what is to be learned from a result.
import type { Hypothesis, Proposal } from '@swarm/shared/hypothesis'
import type { Program } from '@swarm/shared/program'
import type { Measurement, RunOutcome } from '@swarm/shared/result'
import type { Ending } from '../ending.ts'
import type { Workbench } from '../tools/desk.ts'

export interface Task {
  hypothesis: Hypothesis
  experiment: string
  /** A worktree at the base; what the researcher writes below `editable` is the edit. */
  dir: string
  editable: string
  program: Program
  workbench: Workbench
  signal: AbortSignal
}

/** An experiment that is over, for its lesson. */
export interface Over {
  hypothesis: Hypothesis
  experiment: string
  program: Program
  diff: string
  outcome: RunOutcome
  cause?: string | undefined
  log?: string | undefined
  measurement?: Measurement | undefined
  /** val_bpb of the base on the same seed, when this agent has seen it. */
  control?: number | undefined
}

export interface Taught {
  lesson: string
  followUps: Proposal[]
}

/** A model or the purse gave nothing; its sentence goes to the log. */
export interface Nothing {
  nothing: string
}

export interface Researcher {
  readonly name: string
  /** Can write a hypothesis that is only a sentence; claims those and leaves knobs to others. */
  readonly reads: boolean
  /** Budget, provider or network failed: `infra-failed`, so that the hypothesis is opened again. It gave up: `empty-diff`. */
  write(task: Task): Promise<'written' | Ending>
  propose?(
    board: { digest: string; program: Program; count: number },
    signal: AbortSignal,
  ): Promise<Proposal[] | Nothing>
  learn?(over: Over, signal: AbortSignal): Promise<Taught | Nothing>
}
