// Author: a hypothesis becomes an edit in the worktree. A given diff is applied, knobs are turned, a sentence goes to the researcher.
import type { Hypothesis } from '@swarm/shared/hypothesis'
import type { Program } from '@swarm/shared/program'
import type { Ending } from './ending.ts'
import type { Researcher } from './researchers/researcher.ts'
import { turnKnobs } from './researchers/search.ts'
import type { Workbench } from './tools/desk.ts'
import type { Worktree } from './tree.ts'

export interface Author {
  tree: Worktree
  hypothesis: Hypothesis
  experiment: string
  program: Program
  workbench: Workbench
  researcher: Researcher
  signal: AbortSignal
}

export async function author({ tree, hypothesis, researcher, ...task }: Author): Promise<'written' | Ending> {
  if (hypothesis.diff !== undefined) {
    const tried = await tree.apply(hypothesis.diff)
    if (tried.applied) return 'written'
    return tried.malformed
      ? { outcome: 'diff-rejected', cause: `git refuses the diff: ${tried.why}` }
      : { outcome: 'conflict', cause: `the diff does not apply to ${tree.base.slice(0, 10)}: ${tried.why}` }
  }
  if (hypothesis.edits.length > 0) return turnKnobs(tree.dir, task.program, hypothesis.edits)
  return researcher.write({ ...task, hypothesis, dir: tree.dir, editable: task.program.editable })
}
