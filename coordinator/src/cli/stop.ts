// Asked to stop: by Ctrl-C, by SIGTERM, by a closed terminal or by a key. Once is a request, twice is an order.
import { EXIT } from './failure.ts'

export interface StopRequest {
  /** Resolves at the first request. */
  readonly asked: Promise<void>
  heard(): boolean
  /** The same as a signal, for keys. */
  ask(): void
  /** From here on signals do what they do by default. */
  forget(): void
}

/** npm passes a Ctrl-C on to us that the terminal sent us as well: what comes this close together is one request, ms. */
const ONE_PRESS = 300

/** `atOnce` runs before the process ends at the second request; children are killed by their own exit hooks. */
export function stopRequests(atOnce: () => void): StopRequest {
  let heard = false
  let heardAt = 0
  let resolve: () => void = () => {}
  const asked = new Promise<void>((r) => {
    resolve = r
  })
  const ask = (): void => {
    if (heard) {
      if (performance.now() - heardAt < ONE_PRESS) return
      atOnce()
      process.exit(EXIT.forced)
    }
    heard = true
    heardAt = performance.now()
    resolve()
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const signal of signals) process.on(signal, ask)
  return {
    asked,
    heard: () => heard,
    ask,
    forget: () => {
      for (const signal of signals) process.off(signal, ask)
    },
  }
}
