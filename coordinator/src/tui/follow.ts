// From a hub into a fold: first what is already in the ledger, silently, then everything as it happens.
import type { Bus } from '@swarm/shared/bus'
import type { Event } from '@swarm/shared/event'
import type { Fold } from './fold.ts'

export interface Following {
  /** The ledger as it was when we came is folded. */
  readonly caughtUp: Promise<void>
  stop(): void
}

export interface FollowOptions {
  /** Told of facts from `since` on (ms since 1970), and of everything that comes after we did. */
  event?: (event: Event) => void
  since?: number
  /** Something changed. */
  changed?: () => void
}

export function follow(bus: Bus, fold: Fold, options: FollowOptions = {}): Following {
  let stopped = false
  let stopFacts: (() => void) | undefined
  let caughtUp: () => void = () => {}
  const ready = new Promise<void>((resolve) => {
    caughtUp = resolve
  })
  const beats = bus.onHeartbeat((beat) => {
    fold.pulse(beat)
    options.changed?.()
  })

  async function read(): Promise<void> {
    const last = await whenThere(bus, () => stopped)
    if (last === undefined) return
    if (last === 0) caughtUp()
    const { events, stop } = await bus.facts(1)
    stopFacts = stop
    if (stopped) return stop()
    for await (const event of events) {
      fold.see(event)
      if (event.seq > last || Date.parse(event.fact.at) >= (options.since ?? Infinity)) options.event?.(event)
      if (event.seq >= last) caughtUp()
      options.changed?.()
    }
  }

  read()
    .catch((error: Error) => {
      if (!stopped) bus.log(`reading the ledger ended: ${error.message}`)
    })
    .finally(caughtUp)

  return {
    caughtUp: ready,
    stop: () => {
      stopped = true
      beats.unsubscribe()
      stopFacts?.()
    },
  }
}

/** Last sequence of the ledger, as soon as there is one: the coordinator makes the stream at its first start. */
async function whenThere(bus: Bus, given: () => boolean): Promise<number | undefined> {
  while (!given()) {
    try {
      return await bus.lastSeq()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
  }
  return undefined
}
