// The purse, over the bus. A question is asked until there is an answer, with the same id, so that it is one reservation.
import type { Bus } from '@swarm/shared/bus'
import type { Purse } from '@swarm/shared/model/purse'
import { patiently } from './agent.ts'

export function purseOver(bus: Bus, leaving: AbortSignal): Purse {
  return {
    reserve: (call) => patiently(leaving, () => bus.ask('reserve', { call })),
    settle: async (end, limits) => {
      await patiently(leaving, () => bus.ask('settle', { end, ...(limits === undefined ? {} : { limits }) }))
    },
  }
}
