// Result: what an attempt came to, as it goes to the coordinator.
import { Result } from '@swarm/shared/result'
import type { Attempt } from './attempt.ts'
import { type Ending, plain } from './ending.ts'
import type { Taught } from './researchers/researcher.ts'
import type { Kept } from './outbox.ts'

export function conclude(attempt: Attempt, agent: string, ending: Ending, taught?: Taught): Kept {
  const { claim, cost, startedAt, diff } = attempt
  const { experiment, fence, ack } = claim
  const result = Result.parse({
    experiment: experiment.id,
    kind: experiment.kind,
    agent,
    fence,
    outcome: ending.outcome,
    diff,
    base: experiment.base,
    seed: experiment.seed,
    budget: experiment.budget,
    track: experiment.track,
    cost: { ...cost, total: (performance.now() - claim.since) / 1000 },
    startedAt,
    endedAt: new Date().toISOString(),
    ...(experiment.hypothesis === undefined ? {} : { hypothesis: experiment.hypothesis.id }),
    ...(ending.cause === undefined ? {} : { cause: plain(ending.cause, 2_000) }),
    ...(ending.log === undefined ? {} : { log: plain(ending.log, 8_000) }),
    ...(ending.measurement === undefined ? {} : { measurement: ending.measurement }),
    ...(taught ?? {}),
  })
  return { result, ack }
}
