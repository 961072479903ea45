// What a run has spent and what it may still owe: sums over the calls of the board. Pure.
import { type Caps, tokensOf } from '@swarm/shared/call'
import type { Board, CallRecord, RunRecord } from '../board/schema.ts'

export interface Spending {
  /** USD. A call whose price is not known counts as what its own CLI said, else at its ceiling. */
  usd: number
  tokens: number
  calls: number
}

export const callsOf = (board: Board, run: RunRecord): CallRecord[] =>
  [...board.calls.values()].filter((c) => c.seq > run.seq && c.seq < endOf(board, run))

/** Place in the ledger where the next run begins. */
const endOf = (board: Board, run: RunRecord): number => board.runs.get(run.run + 1)?.seq ?? Infinity

/** Settled and reserved apart: what is in flight may still cost all it was granted. */
export function spending(board: Board, run: RunRecord): { settled: Spending; inFlight: Spending } {
  const settled = { usd: 0, tokens: 0, calls: 0 }
  const inFlight = { usd: 0, tokens: 0, calls: 0 }
  for (const { call, upToUsd, end } of callsOf(board, run)) {
    if (end === undefined) {
      inFlight.usd += upToUsd ?? 0
      inFlight.tokens += call.upTo.input + call.upTo.output
      inFlight.calls++
    } else {
      settled.usd += end.usd ?? end.saidUsd ?? upToUsd ?? 0
      settled.tokens += tokensOf(end.usage)
      settled.calls++
    }
  }
  return { settled, inFlight }
}

/** Seconds of training recorded in a run, on all lanes together, and the longest of them. */
export function laneSeconds(board: Board, run: RunRecord): { spent: number; longest: number } {
  let spent = 0
  let longest = 0
  for (const { result, recorded } of board.experiments.values()) {
    if (result === undefined || recorded === undefined || recorded.seq < run.seq) continue
    spent += result.cost.train
    longest = Math.max(longest, result.cost.train)
  }
  return { spent, longest }
}

export type Counted = keyof Spending
export const CAP_FLAGS: Record<keyof Caps, string> = {
  usd: '--budget-usd',
  tokens: '--budget-tokens',
  calls: '--budget-calls',
  laneSeconds: '--budget-lane-seconds',
  wallSeconds: '--budget-wall',
}

/** A cap in words: "$2.50", "400000 tokens", "1200 lane seconds". */
export function capWords(cap: keyof Caps, value: number): string {
  switch (cap) {
    case 'usd':
      return `$${value}`
    case 'tokens':
      return `${value} tokens`
    case 'calls':
      return `${value} calls`
    case 'laneSeconds':
      return `${value} lane seconds`
    case 'wallSeconds':
      return `${value} seconds of wall time`
  }
}
