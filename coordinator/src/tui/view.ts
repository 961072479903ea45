// The picture of a moment: what every screen draws.
import type { Lane, Phase } from '@swarm/shared/event'
import type { Finding } from '@swarm/shared/finding'
import type { GpuUse } from '@swarm/shared/gpu'

export interface ExperimentRow {
  id: string
  kind: 'baseline' | 'screen' | 'repeat'
  hypothesis?: string
  title: string
  base: string
  seed: number
  /** The held-out text it is scored on; absent: the first. */
  split?: string
  agent?: string
  /** Absent until recorded; `measured` until the verdict is known, `quarantined` while it is too good to have one. */
  outcome?: string
  cause?: string
  valBpb?: number
  /** Against its own base on the same seed, positive is better. */
  gain?: number
  /** Lane seconds from claim to result, and of training alone. */
  seconds?: number
  training?: number
  at?: string
}

export interface AgentRow {
  name: string
  present: boolean
  host: string
  lane: Lane
  phase: Phase
  experiment?: string
  title?: string
  step?: number
  steps?: number
  progress?: number
  elapsed?: number
  /** When it last gave a sign, ms since 1970. */
  seen: number
  done: number
  /** What the GPU of its lane does. */
  gpu?: GpuUse
  /** Why it is not here. */
  left?: string
  /** People let it rest: it claims nothing after what runs. */
  paused?: boolean
}

export interface BestRow {
  n: number /** In force when it moved. */
  track: string
  commit: string
  at: string
  valBpb?: number
  gain?: number
  hypothesis?: string
  title?: string
  agent?: string
  seeds: readonly number[]
}
export interface FindingRow extends Pick<Finding, 'hypothesis' | 'title' | 'verdict' | 'outcome' | 'lesson'> {
  at: string
  gain?: number
}

export interface SpentRow {
  calls: number
  tokens: number
  usd: number
  /** Calls without a known price. */
  unpriced: number
  /** The cap of money, when there is one. */
  cap?: number
}

export interface View {
  seq: number
  run?: {
    n: number
    at: string
    agents: number
    wanted?: number
    /** The cap it has come to, in words. */
    reached?: string
    stopped?: { at: string; reason: string }
  }
  budget?: string
  /** Absent: that of a CPU. */
  scale?: 'gpu'
  noise?: number
  /** What people want looked at first. */
  focus?: string
  /** Recorded in this run, and ever. */
  doneInRun: number
  done: number
  queued: number
  outcomes: Readonly<Record<string, number>>
  baseline?: number
  best?: BestRow
  bests: readonly BestRow[]
  agents: readonly AgentRow[]
  /** Too good to be taken at their word: run again and scored on the second held-out text. */
  quarantined: readonly { hypothesis: string; title: string }[]
  /** Newest last, at most `RECENT`. */
  findings: readonly FindingRow[]
  /** What models have cost in this run; absent while none was asked. */
  spent?: SpentRow
}
