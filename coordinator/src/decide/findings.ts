// A finding as a fact to be written, and who is given what it asks for.
import type { Finding, Pair } from '@swarm/shared/finding'
import type { RunOutcome } from '@swarm/shared/result'
import type { ExperimentRecord, HypothesisRecord } from '../board/schema.ts'
import { lesson, withAuthors } from './lesson.ts'
import { liveExperiments, type Situation, type Step } from './situation.ts'

export type FailedOutcome = Exclude<RunOutcome, 'measured'>

export function failed(
  s: Situation,
  h: HypothesisRecord,
  e: ExperimentRecord,
  outcome: FailedOutcome,
  cause: string | undefined,
): Step {
  return finding(s, h, e, { verdict: 'failed', outcome, pairs: [], ...(cause === undefined ? {} : { cause }) })
}

/** What the author last wrote about it. */
function lessonOf(s: Situation, h: HypothesisRecord): string | undefined {
  const all = h.experiments.map((id) => s.board.experiments.get(id)?.result?.lesson)
  return all.findLast((lesson) => lesson !== undefined)
}

export function finding(
  s: Situation,
  h: HypothesisRecord,
  e: ExperimentRecord,
  came: Pick<Finding, 'verdict' | 'outcome' | 'pairs'> & { gain?: number; cause?: string; hidden?: Pair },
): Step {
  const { noise } = s.worth
  const { id, title } = h.hypothesis
  return {
    do: 'write',
    fact: {
      type: 'finding-published',
      finding: {
        hypothesis: id,
        round: e.experiment.round,
        title,
        base: e.experiment.base,
        noise,
        ...came,
        lesson: withAuthors(lesson(title, came, noise), lessonOf(s, h)),
      },
    },
  }
}

/** The least busy agent that is not this one. */
export function otherAgent(s: Situation, screener: string): string | undefined {
  const load = (agent: string): number => liveExperiments(s).filter((e) => e.agent === agent).length
  return s.live.filter((a) => a !== screener).sort((a, b) => load(a) - load(b) || (a < b ? -1 : 1))[0]
}
