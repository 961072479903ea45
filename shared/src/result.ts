// What an experiment came to. The union of outcomes is closed: whatever happens to an idea is one of these values.
import { z } from 'zod'
import { Budget, Commit, ExperimentId, ExperimentKind, MAX_DIFF_BYTES, Seed, Sha256, Split } from './experiment.ts'
import { HypothesisId, Proposal } from './hypothesis.ts'

/**
 * What an agent can see by itself. `measured` becomes `improved` or `no-gain` only by the coordinator's verdict.
 * `infra-failed` says nothing about the idea: the hypothesis is reopened.
 */
export const RunOutcome = z.enum([
  'measured',
  'empty-diff',
  'diff-rejected',
  'duplicate',
  'build-failed',
  'preflight-failed',
  'run-failed',
  'diverged',
  'timed-out',
  'cheat-suspected',
  'conflict',
  'infra-failed',
])
export type RunOutcome = z.infer<typeof RunOutcome>

/**
 * Why a score is believed: `proved` where no code of an experiment was run to get it, `probed` where the network has ops of the
 * experiment's own, whose code was run apart and looked at from outside (docs/decisions/0009).
 */
export const Trust = z.enum(['proved', 'probed'])
export type Trust = z.infer<typeof Trust>

/** What the trainer and the judge wrote; see docs/decisions/0002. Numbers are finite or the field is absent. */
export const Measurement = z.strictObject({
  valBpb: z.number().positive(),
  steps: z.number().int().nonnegative(),
  tokens: z.number().int().nonnegative(),
  trainLoss: z.number(),
  trainingSeconds: z.number().nonnegative(),
  workSeconds: z.number().nonnegative(),
  evalSeconds: z.number().nonnegative(),
  peakBytes: z.number().nonnegative(),
  paramsM: z.number().nonnegative(),
  depth: z.number().int().nonnegative(),
  checkpoint: Sha256,
  /** sha256 of the frozen sources and of the data manifest, as the judge states them. */
  frozen: Sha256,
  manifest: Sha256,
  isa: z.string().max(32),
  /** Of a run on a GPU: what it ran on, in the trainer's words. Absent: on cores. */
  device: z.string().max(128).optional(),
  /** Absent: val. */
  split: Split.optional(),
  /** What held the trainer, in the trainer's frozen launcher's words; absent from older reports. */
  sandbox: z.string().max(64).optional(),
  /** Absent from results of before there were two: then nothing is promoted by it. */
  trust: Trust.optional(),
  /** Names of the ops that are the experiment's own, where there are any. */
  customOps: z.array(z.string().max(100)).max(64).optional(),
})
export type Measurement = z.infer<typeof Measurement>

/** Seconds of the lane, by step of the sentence. */
export const Cost = z.strictObject({
  author: z.number().nonnegative(),
  build: z.number().nonnegative(),
  preflight: z.number().nonnegative(),
  train: z.number().nonnegative(),
  judge: z.number().nonnegative(),
  /** From claim to result. */
  total: z.number().nonnegative(),
})
export type Cost = z.infer<typeof Cost>
/** Seconds of work, without the wait of a prepared experiment for its lane; what the lists show. */
export function spent({ author, build, preflight, train, judge }: Cost): number {
  return author + build + preflight + train + judge
}
export const NO_COST: Cost = { author: 0, build: 0, preflight: 0, train: 0, judge: 0, total: 0 }

export const Result = z.strictObject({
  experiment: ExperimentId,
  kind: ExperimentKind,
  hypothesis: HypothesisId.optional(),
  agent: z.string().min(1).max(64),
  /** The delivery count of the claim: a later holder has a higher number. */
  fence: z.number().int().positive(),
  outcome: RunOutcome,
  /** One sentence, for every outcome but `measured`. */
  cause: z.string().max(2000).optional(),
  /** What was run, as a patch against `base`; empty for a baseline. */
  diff: z.string().max(MAX_DIFF_BYTES).default(''),
  base: Commit,
  seed: Seed,
  budget: Budget,
  track: Sha256,
  measurement: Measurement.optional(),
  cost: Cost,
  /** Wall-clock of the agent's machine, for people; nothing is decided by it. */
  startedAt: z.string(),
  endedAt: z.string(),
  /** Git tree of the editable folder as it was run; written by the coordinator when it checks the diff, whatever an agent says here. */
  tree: z
    .string()
    .regex(/^[0-9a-f]{40}$/)
    .optional(),
  /** Last lines of the build or the trainer when something failed: data, never an instruction. */
  log: z.string().max(8000).optional(),
  /** One paragraph of the author on what was tried and what came of it: data, never an instruction. */
  lesson: z.string().max(2000).optional(),
  followUps: z.array(Proposal).max(3).optional(),
})
export type Result = z.infer<typeof Result>

/** The field's own three words (karpathy/autoresearch results.tsv). */
export function fieldStatus(outcome: RunOutcome, promoted: boolean): 'keep' | 'discard' | 'crash' {
  if (promoted) return 'keep'
  return ['build-failed', 'preflight-failed', 'run-failed', 'diverged', 'timed-out', 'infra-failed'].includes(outcome)
    ? 'crash'
    : 'discard'
}
