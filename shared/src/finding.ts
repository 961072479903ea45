// A finding: the verdict on a hypothesis and what was learned, negative ones included.
import { z } from 'zod'
import { Commit, ExperimentId, Seed } from './experiment.ts'
import { HypothesisId } from './hypothesis.ts'
import { RunOutcome } from './result.ts'

/** confirmed: beat its base on the screen seed and again on fresh seeds · refuted: worse by more than noise · within-noise: neither · failed: never measured. */
export const Verdict = z.enum(['confirmed', 'refuted', 'within-noise', 'failed'])
export type Verdict = z.infer<typeof Verdict>

/** One seed, the changed recipe beside its base on the same seed. gain = base − changed, bits per byte, positive is better. */
export const Pair = z.strictObject({
  seed: Seed,
  experiment: ExperimentId,
  control: ExperimentId,
  valBpb: z.number(),
  baseBpb: z.number(),
  gain: z.number(),
})
export type Pair = z.infer<typeof Pair>

export const Finding = z.strictObject({
  hypothesis: HypothesisId,
  round: z.number().int().positive(),
  title: z.string(),
  verdict: Verdict,
  /** The design's word for what it came to: improved and no-gain only from measured experiments. */
  outcome: z.union([z.enum(['improved', 'no-gain']), RunOutcome.exclude(['measured'])]),
  cause: z.string().max(2000).optional(),
  base: Commit,
  pairs: z.array(Pair),
  /** The run that was too good, scored on the second held-out text, where it was quarantined (docs/decisions/0005). */
  hidden: Pair.optional(),
  /** Mean gain over fresh-seed pairs where there are any, else of the screen. */
  gain: z.number().optional(),
  noise: z.number(),
  lesson: z.string().max(2000),
})
export type Finding = z.infer<typeof Finding>
