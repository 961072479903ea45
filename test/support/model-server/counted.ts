// A purse that grants everything and keeps what it was told: for tests of those who spend.
import { addUsage, type Call, type CallEnd, type Limits, NO_USAGE, type Usage } from '@swarm/shared/call'
import type { Purse, Reservation } from '@swarm/shared/model/purse'

export interface Counted extends Purse {
  calls: Call[]
  ends: (CallEnd & { limits?: Limits | undefined })[]
  /** What the next reservations are answered with, before all others are granted. */
  answers: Reservation[]
  usage(): Usage
  /** How the calls ended, in order. */
  how(): string[]
}

export function countedPurse(): Counted {
  const purse: Counted = {
    calls: [],
    ends: [],
    answers: [],
    reserve: async (call) => {
      const answer = purse.answers.shift() ?? { granted: true as const }
      if ('granted' in answer) purse.calls.push(call)
      return answer
    },
    settle: async (end, limits) => void purse.ends.push({ ...end, limits }),
    usage: () => purse.ends.reduce((sum, { usage }) => addUsage(sum, usage), NO_USAGE),
    how: () => purse.ends.map((e) => e.how),
  }
  return purse
}
