// What the board holds: one table a noun, one record a key. Every record follows from the facts of the ledger and from nothing else.
import type { Call, CallEnd, CapName, Caps } from '@swarm/shared/call'
import type { Best, Fact, FactOf } from '@swarm/shared/event'
import type { Experiment } from '@swarm/shared/experiment'
import type { Finding } from '@swarm/shared/finding'
import type { Hypothesis } from '@swarm/shared/hypothesis'
import type { ResearcherOf } from '@swarm/shared/researcher'
import type { Result } from '@swarm/shared/result'

export interface RunRecord {
  run: number
  seq: number
  at: string
  seed: number
  agents: number
  experiments?: number
  caps?: Caps
  /** The cap it has come to. */
  reached?: { cap: CapName; why: string; at: string }
  stopped?: { at: string; reason: string; seq: number }
}
export type ProgramRecord = Omit<FactOf<'program-adopted'>, 'type'> & { seq: number }
export interface AgentRecord {
  agent: string
  session: number
  lane: FactOf<'agent-joined'>['lane']
  machine: FactOf<'agent-joined'>['machine']
  researcher?: ResearcherOf
  joinedAt: string
  left?: { at: string; reason: string }
}
export interface HypothesisRecord {
  hypothesis: Hypothesis
  seq: number
  at: string
  experiments: string[]
  finding?: string
  vetoed?: { by: string; at: string; reason?: string }
}
export interface ExperimentRecord {
  experiment: Experiment
  /** The agent it was meant for, when it was meant for one. */
  agent?: string
  seq: number
  at: string
  result?: Result
  /** Place and time of the result in the ledger: the coordinator's clock. */
  recorded?: { seq: number; at: string }
}
export interface FindingRecord {
  finding: Finding
  seq: number
  at: string
}
export interface BestRecord {
  best: Best
  previous?: string
  seq: number
  at: string /** The track in force when it moved: its number is comparable there alone. */
  track?: string
}

export interface CallRecord {
  call: Call
  upToUsd?: number
  seq: number
  at: string
  end?: CallEnd & { at: string; usd?: number }
}
/** What people said of the swarm's course, by the key of the fact: `focus-1`, `paused-1`, … */
export type SteeringRecord = (FactOf<'focus-set'> | FactOf<'agent-paused'>) & { seq: number }

/** Tables of the environment, in the order they are dumped. `facts` is the ledger itself: a second copy of it. */
export interface Tables {
  facts: Map<number, Fact>
  runs: Map<number, RunRecord>
  programs: Map<number, ProgramRecord>
  agents: Map<string, AgentRecord>
  hypotheses: Map<string, HypothesisRecord>
  experiments: Map<string, ExperimentRecord>
  findings: Map<string, FindingRecord>
  bests: Map<number, BestRecord>
  calls: Map<string, CallRecord>
  steering: Map<string, SteeringRecord>
}
export type TableName = keyof Tables
export const TABLES = [
  'facts',
  'runs',
  'programs',
  'agents',
  'hypotheses',
  'experiments',
  'findings',
  'bests',
  'calls',
  'steering',
] as const satisfies readonly TableName[]

/** The board in memory: its tables and the place in the ledger they follow from. */
export interface Board extends Tables {
  /** Sequence of the last fact folded in. */
  seq: number
  /** Hash over all facts so far, in order: the same chain is the same history. */
  chain: string
}

export const SCHEMA = 2
export const EMPTY_CHAIN = '0'.repeat(64)

export function emptyBoard(): Board {
  return {
    seq: 0,
    chain: EMPTY_CHAIN,
    facts: new Map(),
    runs: new Map(),
    programs: new Map(),
    agents: new Map(),
    hypotheses: new Map(),
    experiments: new Map(),
    findings: new Map(),
    bests: new Map(),
    calls: new Map(),
    steering: new Map(),
  }
}
