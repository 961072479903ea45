// Every subject, stream and bucket of a swarm, with what travels on it. Nothing else is ever published.
import { z } from 'zod'
import { AgentName, type Fact, factKey, Lane, Machine } from './event.ts'
import { Budget, Commit, ExperimentId, MAX_DIFF_BYTES, Seed, Sha256 } from './experiment.ts'
import { Call, CallEnd, Limits } from './call.ts'
import { Area, HypothesisId, KnobEdit, Proposal } from './hypothesis.ts'
import { Program } from './program.ts'
import { ResearcherOf } from './researcher.ts'

/** Streams. Retention and limits are set by the coordinator, see docs/decisions/0003. */
export const STREAMS = {
  /** Facts: max one message a subject for ever, discard new: written once, counted once. The source of the board. */
  LEDGER: { subjects: ['ledger.>'] },
  /** Experiments waiting for a lane: work queue; the ack wait is the lease, the delivery count the fence. */
  WORK: { subjects: ['work.>'] },
  /** Results as agents reported them, kept for audit. */
  RES: { subjects: ['res.>'] },
} as const

/** Object store: git bundles `bundle/<commit>` (everything a worktree of that commit needs) and data files `data/<sha256>`. */
export const BUCKET = 'arts'
export const bundleObject = (commit: string): string => `bundle/${commit}`
export const dataObject = (sha256: string): string => `data/${sha256}`

/** Lease: four missed beats and the claim is free again. */
export const LEASE_MS = 60_000
export const LEASE_BEAT_MS = 15_000
/** An agent silent this long has left. */
export const SILENCE_MS = 45_000

export const subject = {
  ledger: (fact: Fact): string => `ledger.${fact.type}.${factKey(fact)}`,
  /**
   * Lines to wait in. An agent looks at its own first, then at what cannot wait (baselines, repeats), then at screens: one that reads
   * at the sentences, the others at the knobs.
   */
  workFor: (agent: string, experiment: string): string => `work.for.${agent}.${experiment}`,
  workFirst: (experiment: string): string => `work.first.${experiment}`,
  workRead: (experiment: string): string => `work.read.${experiment}`,
  workAny: (experiment: string): string => `work.any.${experiment}`,
  result: (agent: string, experiment: string): string => `res.${agent}.${experiment}`,
  heartbeat: (agent: string): string => `hb.${agent}`,
  control: (agent: string): string => `ctl.${agent}`,
  ask: (name: AskName): string => `ask.${name}`,
} as const
export const CONTROL_ALL = 'ctl.all'
export const HEARTBEATS = 'hb.*'

/** Durable consumers of WORK. One a line; `for-<agent>` is made when the agent joins. */
export const consumer = {
  workFor: (agent: string): string => `for-${agent}`,
  workFirst: 'first',
  workRead: 'read',
  workAny: 'any',
  results: 'coordinator',
} as const

/** What the coordinator tells agents. drain: finish what runs, then leave · stop: leave now. A pause is a fact, which nobody misses. */
export const Control = z.strictObject({ do: z.enum(['drain', 'stop']), reason: z.string() })
export type Control = z.infer<typeof Control>

const refused = z.strictObject({ refused: z.string() })

/** Questions to the coordinator (request, reply). A refusal is a value; no answer is an outage. */
export const ASKS = {
  /** An agent wants in. The reply is all it needs to work. */
  join: {
    request: z.strictObject({
      name: AgentName.optional(),
      lane: Lane,
      machine: Machine,
      frozen: Sha256,
      manifest: Sha256.optional(),
      /** Absent: search. */
      researcher: ResearcherOf.optional(),
    }),
    reply: z.union([
      refused,
      z.strictObject({
        agent: AgentName,
        session: z.number().int().positive(),
        program: Program,
        budget: Budget,
        track: Sha256,
        manifest: Sha256,
        /** Files of the data set for an agent without it: fetch `dataObject(sha256)` of each. */
        dataFiles: z.array(z.strictObject({ name: z.string(), sha256: Sha256 })),
        best: Commit,
        seed: Seed,
        /** It is to claim nothing until told to resume. */
        paused: z.boolean().optional(),
        /** The director is off: a reading agent with nothing to do proposes for itself. */
        proposes: z.boolean().optional(),
      }),
    ]),
  },
  leave: {
    request: z.strictObject({ agent: AgentName, session: z.number().int().positive(), reason: z.string() }),
    reply: z.strictObject({ ok: z.literal(true) }),
  },
  /** Makes sure `bundleObject(commit)` is in the object store. */
  bundle: {
    request: z.strictObject({ commit: Commit }),
    reply: z.union([refused, z.strictObject({ object: z.string() })]),
  },
  /** Was this very source (blob of the experiment folder) run with this seed on this track? Asked before GPU time is spent. */
  duplicate: {
    request: z.strictObject({
      experiment: ExperimentId,
      tree: z.string().max(64),
      diff: z.string().max(MAX_DIFF_BYTES),
    }),
    reply: z.strictObject({ duplicateOf: ExperimentId.optional() }),
  },
  /** A person's idea: knob edits are run as they are, a diff is applied, a sentence waits for a researcher that reads. */
  suggest: {
    request: z.strictObject({
      title: z.string().min(1).max(300),
      edits: z.array(KnobEdit).max(16),
      diff: z.string().max(MAX_DIFF_BYTES).optional(),
      by: z.string().max(80),
    }),
    reply: z.union([refused, z.strictObject({ hypothesis: HypothesisId })]),
  },
  /** The board in words for a model: the same board gives the same text (docs/decisions/0005). */
  digest: {
    request: z.strictObject({ agent: AgentName }),
    reply: z.strictObject({ seq: z.number().int(), text: z.string().max(200_000) }),
  },
  /** Ideas of an agent's own researcher. What was tried already is refused, with the reason; what is taken is meant for that agent. */
  propose: {
    request: z.strictObject({
      agent: AgentName,
      session: z.number().int().positive(),
      proposals: z.array(Proposal).min(1).max(8),
    }),
    reply: z.union([
      refused,
      z.strictObject({
        taken: z.array(HypothesisId),
        notTaken: z.array(z.strictObject({ title: z.string(), why: z.string() })),
      }),
    ]),
  },
  /** May this call be made? Not granted: wait, or the cap that is reached. A question repeated with the same id is one reservation. */
  reserve: {
    request: z.strictObject({ call: Call }),
    reply: z.union([
      z.strictObject({ granted: z.literal(true) }),
      z.strictObject({ waitMs: z.number().nonnegative(), why: z.string() }),
      z.strictObject({ refused: z.string(), /** The cap that is reached, when one is. */ cap: z.string().optional() }),
    ]),
  },
  /** What came of it. May be repeated; the first counts. */
  settle: {
    request: z.strictObject({ end: CallEnd, limits: Limits.optional() }),
    reply: z.strictObject({ ok: z.literal(true) }),
  },
  veto: {
    request: z.strictObject({
      hypothesis: HypothesisId,
      by: z.string().max(80),
      reason: z.string().max(500).optional(),
    }),
    reply: z.union([refused, z.strictObject({ ok: z.literal(true) })]),
  },
  /** Without an area: anything again. The reply names the knobs that are about it: the search turns those first. */
  focus: {
    request: z.strictObject({ area: Area.optional(), by: z.string().max(80) }),
    reply: z.union([refused, z.strictObject({ knobs: z.array(z.string()) })]),
  },
  pause: {
    request: z.strictObject({
      agent: z.union([AgentName, z.literal('all')]),
      paused: z.boolean(),
      by: z.string().max(80),
    }),
    reply: z.union([refused, z.strictObject({ ok: z.literal(true) })]),
  },
  /**
   * Is the coordinator there, and how far is it. `seq`: everything up to this place of the ledger has been decided on, and the facts and
   * the work that follow from it are published. An agent waits for it before it claims, so that with one agent the order of all is fixed.
   */
  ping: {
    request: z.strictObject({}),
    reply: z.strictObject({ run: z.number().int(), seq: z.number().int(), pid: z.number().int() }),
  },
} as const
export type AskName = keyof typeof ASKS
/** Asked by people at the swarm's own machine; an agent's password does not open them. */
export const STEERING = ['veto', 'focus', 'pause'] as const satisfies readonly AskName[]
export type AskRequest<N extends AskName> = z.infer<(typeof ASKS)[N]['request']>
export type AskReply<N extends AskName> = z.infer<(typeof ASKS)[N]['reply']>
