// Calls whose caller is gone: nobody can tell what they used, so their reservation counts as used. Overcounted at worst, never uncounted.
import { type CallEnd, NO_USAGE } from '@swarm/shared/call'
import type { Board, CallRecord } from '../board/schema.ts'
import type { FactToWrite } from '../decide/situation.ts'

/** The settlements of calls in flight, of one caller or of all. */
export function lostCalls(board: Board, by?: string): FactToWrite[] {
  return [...board.calls.values()]
    .filter((c) => c.end === undefined && (by === undefined || c.call.by === by))
    .map(lost)
}

export function lost({ call, upToUsd }: CallRecord): FactToWrite {
  const { input, output } = call.upTo
  const end: CallEnd = { id: call.id, how: 'lost', usage: { ...NO_USAGE, input, output }, seconds: 0 }
  return { type: 'call-settled', end, ...(upToUsd === undefined ? {} : { usd: upToUsd }) }
}
