// What models have cost: sums over the calls of the board, by everything they can be told apart by. Calls in flight and calls whose end
// nobody knows stand apart, at their reservations; a call whose price is not known is counted as such and never as 0.
import { addUsage, type Caps, NO_USAGE, tokensOf, type Usage } from '@swarm/shared/call'
import type { Board, CallRecord } from './schema.ts'

export interface Sum {
  calls: number
  usage: Usage
  tokens: number
  /** Of the calls with a known price; absent when no call has one. */
  usd?: number
  /** Calls without a known price. */
  unpriced: number
}

export interface Costs {
  /** Settled by who made them. */
  all: Sum
  /** Their caller was gone: counted at the reservation until a person has looked. */
  lost: Sum
  /** Reserved and not settled yet, at the most they can cost. */
  unsettled: Sum
  /** Of `all` and `lost`. */
  by: Record<'provider' | 'model' | 'agent' | 'role' | 'hypothesis', Record<string, Sum>>
  improvements: number
  usdPerImprovement?: number
  /** Caps of the last run. */
  caps?: Caps
  /** What a CLI said of its own calls, where it did. */
  saidUsd?: number
}

export function costs(board: Board, since = 0): Costs {
  const calls = [...board.calls.values()].filter((c) => c.seq > since)
  const settled = calls.filter((c) => c.end !== undefined)
  const told = settled.filter((c) => c.end?.how !== 'lost')
  const run = board.runs.get(board.runs.size)
  const improvements = [...board.bests.values()].filter((b) => b.best.n > 0 && b.seq > since).length
  const spent = sum(settled)
  const said = settled.flatMap((c) => c.end?.saidUsd ?? [])
  return {
    all: sum(told),
    lost: sum(settled.filter((c) => c.end?.how === 'lost')),
    unsettled: sum(calls.filter((c) => c.end === undefined)),
    by: {
      provider: grouped(settled, ({ call }) => call.provider),
      model: grouped(settled, ({ call }) => `${call.provider}:${call.model}`),
      agent: grouped(settled, ({ call }) => call.by),
      role: grouped(settled, ({ call }) => call.role),
      hypothesis: grouped(settled, ({ call }) => call.hypothesis),
    },
    improvements,
    ...(improvements === 0 || spent.usd === undefined || spent.unpriced > 0
      ? {}
      : { usdPerImprovement: spent.usd / improvements }),
    ...(run?.caps === undefined ? {} : { caps: run.caps }),
    ...(said.length === 0 ? {} : { saidUsd: said.reduce((a, b) => a + b, 0) }),
  }
}

function sum(calls: readonly CallRecord[]): Sum {
  let usage = NO_USAGE
  let usd = 0
  let unpriced = 0
  for (const { call, upToUsd, end } of calls) {
    usage = addUsage(usage, end?.usage ?? { ...NO_USAGE, input: call.upTo.input, output: call.upTo.output })
    const money = end === undefined ? upToUsd : end.usd
    if (money === undefined) unpriced++
    else usd += money
  }
  const known = unpriced < calls.length || calls.length === 0
  return { calls: calls.length, usage, tokens: tokensOf(usage), ...(known ? { usd } : {}), unpriced }
}

function grouped(calls: readonly CallRecord[], name: (c: CallRecord) => string | undefined): Record<string, Sum> {
  const groups = new Map<string, CallRecord[]>()
  for (const c of calls) {
    const key = name(c)
    if (key !== undefined) groups.set(key, [...(groups.get(key) ?? []), c])
  }
  return Object.fromEntries([...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, own]) => [key, sum(own)]))
}
