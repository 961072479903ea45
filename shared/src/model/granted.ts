// Granted: asks the purse until it grants, refuses, or somebody stops waiting.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Call } from '../call.ts'
import type { NoTurn } from './model.ts'
import type { Purse } from './purse.ts'

/** Undefined when the call may be made; it is to be settled then. Never rejects. */
export async function granted(purse: Purse, call: Call, signal: AbortSignal): Promise<NoTurn | undefined> {
  for (;;) {
    if (signal.aborted) return { none: 'aborted', why: 'stopped' }
    try {
      const answer = await purse.reserve(call)
      if ('granted' in answer) return undefined
      if ('refused' in answer)
        return { none: 'cap', why: answer.refused, ...(answer.cap === undefined ? {} : { cap: answer.cap }) }
      await rest(Math.max(50, answer.waitMs), signal)
    } catch (error) {
      return { none: 'unavailable', why: `the purse does not answer: ${(error as Error).message}` }
    }
  }
}

/** Resolves after `ms`, or when the signal fires. */
export const rest = (ms: number, signal: AbortSignal): Promise<void> => sleep(ms, undefined, { signal }).catch(() => {})
