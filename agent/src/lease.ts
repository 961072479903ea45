// A lease: what an agent holds while it works on one experiment.
import type { Experiment } from '@swarm/shared/experiment'

export interface Claim {
  experiment: Experiment
  /** How often the hub has handed this experiment out: a later holder has a higher number. */
  fence: number
  /** Subject that acknowledges the work; good beyond this connection and this process. */
  ack: string
  /** Fires when no beat got through for as long as the lease lasts: another agent may hold it now. */
  lost: AbortSignal
  since: number
  /** Ends the beats. The work was acknowledged, or is left to the lease. */
  end(): void
  /** Gives the work back, to be handed out again after `delayMs`. */
  release(delayMs: number): void
}

export interface Lease {
  beatMs: number
  leaseMs: number
}
