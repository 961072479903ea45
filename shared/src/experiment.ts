// An experiment as it is planned: one diff, one seed, one budget, on one base. This is also what travels on the WORK stream.
import { z } from 'zod'
import { Hypothesis } from './hypothesis.ts'

export const ExperimentId = z.string().regex(/^e\d{4,}$/)
export const Commit = z.string().regex(/^[0-9a-f]{40}$/)
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/)
export const Seed = z
  .number()
  .int()
  .nonnegative()
  .max(2 ** 31 - 1)
/** `work:20s` deterministic model seconds · `tokens:200k` · `cpu:20s` · `wall:300s`. */
export const Budget = z.string().regex(/^(work|cpu|wall):\d+(\.\d+)?(s|m|h)$|^tokens:\d+(\.\d+)?[kM]?$/, {
  message: 'a budget is work:20s, cpu:20s, wall:5m or tokens:200k',
})

export const MAX_DIFF_BYTES = 128 * 1024

/**
 * baseline: the base itself, unchanged, on one seed (also the control a repeat is paired with) ·
 * screen: a new hypothesis, first seed · repeat: a diff that won its screen, on a fresh seed.
 */
export const ExperimentKind = z.enum(['baseline', 'screen', 'repeat'])
export type ExperimentKind = z.infer<typeof ExperimentKind>

/** The held-out text a checkpoint is scored on. hidden: the second one, for results that are too good (docs/decisions/0005). */
export const Split = z.enum(['val', 'hidden'])
export type Split = z.infer<typeof Split>

export const Experiment = z.strictObject({
  id: ExperimentId,
  kind: ExperimentKind,
  /** Absent for a baseline. */
  hypothesis: Hypothesis.optional(),
  base: Commit,
  seed: Seed,
  budget: Budget,
  /** Hash of everything that makes results comparable, see track.ts. */
  track: Sha256,
  /** A repeat carries the diff to run again and the commit it was written on; it is rebased onto `base` when they differ. */
  diff: z.strictObject({ text: z.string().max(MAX_DIFF_BYTES), base: Commit }).optional(),
  /** Which pass over this hypothesis: 1, and one more each time it was reopened. */
  round: z.number().int().positive(),
  /** Absent: val. */
  split: Split.optional(),
})
export type Experiment = z.infer<typeof Experiment>
