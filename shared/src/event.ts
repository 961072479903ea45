// Facts: what happened, in the past tense. The LEDGER stream is the list of them, in order, each subject written once for ever;
// the board is a fold over it, and so is every screen.
import { z } from 'zod'
import { Budget, Commit, Experiment, ExperimentId, Seed, Sha256 } from './experiment.ts'
import { Finding } from './finding.ts'
import { Call, CallEnd, CapName, Caps } from './call.ts'
import { Area, Hypothesis, HypothesisId } from './hypothesis.ts'
import { GpuUse } from './gpu.ts'
import { Program } from './program.ts'
import { ResearcherOf } from './researcher.ts'
import { Result } from './result.ts'

export const AgentName = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/)

/** What an agent owns: some cores, or one GPU. */
export const Lane = z.strictObject({
  kind: z.enum(['cpu', 'gpu']),
  cores: z.array(z.number().int().nonnegative()),
  gpu: z.number().int().optional(),
})
export type Lane = z.infer<typeof Lane>

export const Machine = z.strictObject({
  host: z.string().max(128),
  cpu: z.string().max(128),
  cores: z.number().int().positive(),
  gpu: z.string().max(128).optional(),
})
export type Machine = z.infer<typeof Machine>

/** A best: a commit of the hub's `best` branch. Number 0 is the recipe as shipped. */
export const Best = z.strictObject({
  n: z.number().int().nonnegative(),
  commit: Commit,
  /** Git tree of its editable folder: the same tree and seed on one track is the same score. */
  tree: Commit.optional(),
  /** Verified mean: the baseline's mean minus every gain confirmed on fresh seeds since (docs/decisions/0004). Absent until the baseline is measured. */
  valBpb: z.number().positive().optional(),
  /** Mean fresh-seed gain over the best before. */
  gain: z.number().optional(),
  hypothesis: HypothesisId.optional(),
  title: z.string().optional(),
  agent: z.string().optional(),
  seeds: z.array(Seed),
})
export type Best = z.infer<typeof Best>

const at = z.string()
export const Fact = z.discriminatedUnion('type', [
  /** One `swarm up`. */
  z.strictObject({
    type: z.literal('swarm-started'),
    at,
    run: z.number().int().positive(),
    seed: Seed,
    agents: z.number().int().nonnegative(),
    experiments: z.number().int().positive().optional(),
    caps: Caps.optional(),
  }),
  z.strictObject({ type: z.literal('swarm-stopped'), at, run: z.number().int().positive(), reason: z.string() }),
  /** The program that holds from here on, and the track it makes. */
  z.strictObject({
    type: z.literal('program-adopted'),
    at,
    n: z.number().int().positive(),
    program: Program,
    budget: Budget,
    track: Sha256,
    manifest: Sha256,
    frozen: Sha256,
  }),
  z.strictObject({
    type: z.literal('agent-joined'),
    at,
    agent: AgentName,
    session: z.number().int().positive(),
    lane: Lane,
    machine: Machine,
    /** Absent: search. */
    researcher: ResearcherOf.optional(),
  }),
  z.strictObject({
    type: z.literal('agent-left'),
    at,
    agent: AgentName,
    session: z.number().int().positive(),
    reason: z.string(),
  }),
  z.strictObject({ type: z.literal('hypothesis-proposed'), at, hypothesis: Hypothesis }),
  z.strictObject({
    type: z.literal('experiment-planned'),
    at,
    experiment: Experiment,
    /** Meant for this agent, because another one ran the screen. */ agent: AgentName.optional(),
  }),
  z.strictObject({ type: z.literal('experiment-recorded'), at, result: Result }),
  z.strictObject({ type: z.literal('finding-published'), at, finding: Finding }),
  z.strictObject({ type: z.literal('best-moved'), at, best: Best, previous: Commit.optional() }),
  /** A model may be asked, at most for what the call says; `upToUsd` by the price table of that day, absent when the price is not known. */
  z.strictObject({ type: z.literal('call-reserved'), at, call: Call, upToUsd: z.number().nonnegative().optional() }),
  /** What came of it. `usd` by the price table of that day; absent when the price is not known, never 0 instead. */
  z.strictObject({ type: z.literal('call-settled'), at, end: CallEnd, usd: z.number().nonnegative().optional() }),
  /** A run has come to one of its caps: nothing new is begun, what runs is finished and judged, then it ends. */
  z.strictObject({
    type: z.literal('cap-reached'),
    at,
    run: z.number().int().positive(),
    cap: CapName,
    why: z.string().max(500),
  }),
  /** No further experiment of this hypothesis, and no promotion. */
  z.strictObject({
    type: z.literal('hypothesis-vetoed'),
    at,
    hypothesis: HypothesisId,
    by: z.string().max(80),
    reason: z.string().max(500).optional(),
  }),
  /** What people want looked at first; without an area: anything again. */
  z.strictObject({
    type: z.literal('focus-set'),
    at,
    n: z.number().int().positive(),
    area: Area.optional(),
    by: z.string().max(80),
  }),
  /** A paused agent finishes what it runs and claims nothing. The last word for an agent, or for all, holds until the run ends. */
  z.strictObject({
    type: z.literal('agent-paused'),
    at,
    n: z.number().int().positive(),
    agent: z.union([AgentName, z.literal('all')]),
    paused: z.boolean(),
    by: z.string().max(80),
  }),
])
export type Fact = z.infer<typeof Fact>
export type FactOf<T extends Fact['type']> = Extract<Fact, { type: T }>

/** The natural key of a fact: the same key is the same fact, and the ledger takes it once. */
export function factKey(fact: Fact): string {
  switch (fact.type) {
    case 'swarm-started':
    case 'swarm-stopped':
    case 'cap-reached':
      return String(fact.run)
    case 'program-adopted':
      return String(fact.n)
    case 'agent-joined':
    case 'agent-left':
      return `${fact.agent}-${fact.session}`
    case 'hypothesis-proposed':
      return fact.hypothesis.id
    case 'experiment-planned':
      return fact.experiment.id
    case 'experiment-recorded':
      return fact.result.experiment
    case 'finding-published':
      return `${fact.finding.hypothesis}-${fact.finding.round}`
    case 'best-moved':
      return String(fact.best.n)
    case 'call-reserved':
      return fact.call.id
    case 'call-settled':
      return fact.end.id
    case 'hypothesis-vetoed':
      return fact.hypothesis
    case 'focus-set':
    case 'agent-paused':
      return String(fact.n)
  }
}

/** A fact with its place in the ledger. */
export interface Event {
  seq: number
  fact: Fact
}

export const Phase = z.enum([
  'idle',
  'claiming',
  'worktree',
  'propose',
  'author',
  'build',
  'preflight',
  'train',
  'judge',
  'report',
  'lesson',
  'rebase',
  'paused',
  'leaving',
])
export type Phase = z.infer<typeof Phase>

/** The pulse of an agent, about twice a second while it trains and every 5 s otherwise. Not durable, nothing is decided by it but liveness. */
export const Heartbeat = z.strictObject({
  agent: AgentName,
  session: z.number().int().positive(),
  at,
  phase: Phase,
  experiment: ExperimentId.optional(),
  title: z.string().max(300).optional(),
  step: z.number().int().nonnegative().optional(),
  steps: z.number().int().positive().optional(),
  /** 0..1 of the budget. */
  progress: z.number().min(0).max(1).optional(),
  loss: z.number().optional(),
  elapsed: z.number().nonnegative().optional(),
  /** What the agent prepares beside the run: the next experiment. */
  next: ExperimentId.optional(),
  /** What the GPU of its lane does. */
  gpu: GpuUse.optional(),
})
export type Heartbeat = z.infer<typeof Heartbeat>
