// A call of a model: reserved before it is made, settled after; what it used, and what it may use at most (docs/decisions/0005).
import { z } from 'zod'
import { ExperimentId } from './experiment.ts'
import { HypothesisId } from './hypothesis.ts'

export const CallId = z.string().regex(/^[0-9a-z][0-9a-z-]{7,63}$/)

/** What the asking is for. */
export const CallRole = z.enum(['director', 'propose', 'author', 'lesson'])
export type CallRole = z.infer<typeof CallRole>

const tokens = z.number().int().nonnegative()

/** Tokens by class, as they are billed apart. `input` is what was neither read from nor written to a cache; `reasoning` is part of `output`. */
export const Usage = z.strictObject({
  input: tokens,
  cacheRead: tokens,
  /** Written for five minutes, and for an hour. */
  cacheWrite: tokens,
  cacheWriteLong: tokens,
  output: tokens,
  reasoning: tokens,
})
export type Usage = z.infer<typeof Usage>
export const NO_USAGE: Usage = { input: 0, cacheRead: 0, cacheWrite: 0, cacheWriteLong: 0, output: 0, reasoning: 0 }

/** Every token once. */
export const tokensOf = (u: Usage): number => u.input + u.cacheRead + u.cacheWrite + u.cacheWriteLong + u.output

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    input: a.input + b.input,
    cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite: a.cacheWrite + b.cacheWrite,
    cacheWriteLong: a.cacheWriteLong + b.cacheWriteLong,
    output: a.output + b.output,
    reasoning: a.reasoning + b.reasoning,
  }
}

export const Call = z.strictObject({
  id: CallId,
  /** The agent that asks, or `director`. */
  by: z.string().min(1).max(64),
  role: CallRole,
  /** anthropic, openai, claude, codex, scripted: what the limits belong to. */
  provider: z.string().min(1).max(32),
  model: z.string().min(1).max(128),
  hypothesis: HypothesisId.optional(),
  experiment: ExperimentId.optional(),
  /** The most it can use. */
  upTo: z.strictObject({
    input: tokens,
    output: tokens,
    /** A ceiling in money the call itself keeps (a CLI's own budget). */ usd: z.number().nonnegative().optional(),
  }),
})
export type Call = z.infer<typeof Call>

export const CallEnd = z.strictObject({
  id: CallId,
  /**
   * completed: with its usage · cut: the stream broke, usage as far as it was told · refused: the provider took nothing ·
   * lost: nobody can tell what it used, so its reservation counts as used.
   */
  how: z.enum(['completed', 'cut', 'refused', 'lost']),
  usage: Usage,
  /** What a CLI itself says it cost, for comparison. */
  saidUsd: z.number().nonnegative().optional(),
  seconds: z.number().nonnegative(),
})
export type CallEnd = z.infer<typeof CallEnd>

/** What a provider's headers said after a call, for the one limiter all its callers share. */
export const Limits = z.strictObject({
  requestsLeft: z.number().int().nonnegative().optional(),
  tokensLeft: z.number().int().nonnegative().optional(),
  /** Until the tighter of the two is full again, ms. */
  resetMs: z.number().nonnegative().optional(),
  /** Told to come back after this, ms. */
  retryAfterMs: z.number().nonnegative().optional(),
  /** The provider takes no more until a person has done something (no credit, key refused). */
  exhausted: z.string().max(300).optional(),
})
export type Limits = z.infer<typeof Limits>

/** Hard caps of a run. What is in flight counts. */
export const Caps = z.strictObject({
  usd: z.number().positive().optional(),
  tokens: z.number().int().positive().optional(),
  calls: z.number().int().positive().optional(),
  /** Seconds of training on all lanes together. */
  laneSeconds: z.number().positive().optional(),
  wallSeconds: z.number().positive().optional(),
})
export type Caps = z.infer<typeof Caps>
export const CapName = z.enum(['usd', 'tokens', 'calls', 'laneSeconds', 'wallSeconds'])
export type CapName = z.infer<typeof CapName>
