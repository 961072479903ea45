// Rebase: a diff that won on one base is brought to another. A change of knobs is written anew, which cannot conflict; any other
// diff is merged three ways, and what does not merge is a conflict: the hypothesis is reopened by the coordinator.
import type { Experiment } from '@swarm/shared/experiment'
import type { Program } from '@swarm/shared/program'
import type { Ending } from './ending.ts'
import { turnKnobs } from './researchers/search.ts'
import type { Worktree } from './tree.ts'

export async function rebase(tree: Worktree, experiment: Experiment, program: Program): Promise<'written' | Ending> {
  const { diff, hypothesis } = experiment
  if (diff === undefined)
    return { outcome: 'infra-failed', cause: `${experiment.id} is a repeat without a diff; the plan is damaged` }
  const moved = diff.base !== tree.base
  if (moved && hypothesis !== undefined && hypothesis.diff === undefined && hypothesis.edits.length > 0)
    return turnKnobs(tree.dir, program, hypothesis.edits)
  const tried = await tree.apply(diff.text)
  if (tried.applied) return 'written'
  return {
    outcome: 'conflict',
    cause: `the diff of ${diff.base.slice(0, 10)} does not apply to ${tree.base.slice(0, 10)}: ${tried.why}`,
  }
}
