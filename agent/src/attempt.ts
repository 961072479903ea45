// Attempt: one claim on its way through the steps, with what it has cost so far.
import { type Cost, NO_COST } from '@swarm/shared/result'
import type { Claim } from './lease.ts'
import type { Slot } from './tree.ts'

export interface Attempt {
  claim: Claim
  slot: Slot
  cost: Cost
  startedAt: string
  /** What was run, as a patch against the base; empty until there is one, and for a baseline. */
  diff: string
}

export function begin(claim: Claim, slot: Slot): Attempt {
  return { claim, slot, cost: { ...NO_COST }, startedAt: new Date().toISOString(), diff: '' }
}

/** Runs one step and adds its seconds to what it costs. */
export async function spend<T>(attempt: Attempt, on: Exclude<keyof Cost, 'total'>, step: () => Promise<T>): Promise<T> {
  const began = performance.now()
  try {
    return await step()
  } finally {
    attempt.cost[on] += (performance.now() - began) / 1000
  }
}
