// A researcher turns a hypothesis that is only a sentence into an edit. (Knob edits and given diffs need none.)
import type { Hypothesis } from '@swarm/shared/hypothesis'
import type { Ending } from '../ending.ts'

export interface Task {
  hypothesis: Hypothesis
  /** A worktree at the base; what the researcher writes below `editable` is the edit. */
  dir: string
  editable: string
  signal: AbortSignal
}

export interface Researcher {
  readonly name: string
  /** Can write a hypothesis that is only a sentence; claims those and leaves knobs to others. */
  readonly reads: boolean
  write(task: Task): Promise<'written' | Ending>
}
