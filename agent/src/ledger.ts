// The ledger as this agent hears it: facts from now on, and waiting for one of them.
import type { Bus } from '@swarm/shared/bus'
import type { Event, Fact } from '@swarm/shared/event'
import { Backoff, pause } from './waiting.ts'

type Hearing = (event: Event) => void
export interface Waiting {
  within(ms: number): Promise<number | undefined>
  forget(): void
}

export class Ledger {
  readonly #hearings = new Set<Hearing>()
  #next: number
  #stopped = new AbortController()
  #stopHearing = (): void => {}

  private constructor(
    private readonly bus: Bus,
    from: number,
  ) {
    this.#next = from
    void this.#follow()
  }

  /** Starts with the next fact; resolves when the place in the ledger is known, so that nothing after it is missed. */
  static async open(bus: Bus): Promise<Ledger> {
    return new Ledger(bus, (await bus.lastSeq()) + 1)
  }

  async #follow(): Promise<void> {
    const backoff = new Backoff(250, 10_000)
    while (!this.#stopped.signal.aborted) {
      try {
        const { events, stop } = await this.bus.facts(this.#next)
        this.#stopHearing = stop
        if (this.#stopped.signal.aborted) stop()
        for await (const event of events) {
          backoff.reset()
          this.#next = event.seq + 1
          for (const hear of this.#hearings) hear(event)
        }
      } catch (error) {
        this.bus.log(`ledger: ${(error as Error).message}`)
      }
      await backoff.wait(this.#stopped.signal)
    }
  }

  hear(hearing: Hearing): () => void {
    this.#hearings.add(hearing)
    return () => void this.#hearings.delete(hearing)
  }

  /** Listens from now on for the first fact that is meant. `within` gives its place, or undefined when it does not come in time. */
  wait(meant: (fact: Fact) => boolean, signal: AbortSignal): Waiting {
    const given = new AbortController()
    let seq: number | undefined
    const forget = this.hear((event) => {
      if (seq !== undefined || !meant(event.fact)) return
      seq = event.seq
      given.abort()
    })
    const within = async (ms: number): Promise<number | undefined> => {
      await pause(ms, AbortSignal.any([given.signal, signal]))
      forget()
      return seq
    }
    return { within, forget }
  }

  /** Waits until the coordinator has decided on everything up to `seq` and handed out the work that follows from it. */
  async decided(seq: number, ms: number, signal: AbortSignal): Promise<boolean> {
    const deadline = performance.now() + ms
    while (!signal.aborted && performance.now() < deadline) {
      try {
        if ((await this.bus.ask('ping', {}, 2_000)).seq >= seq) return true
      } catch {
        /* the coordinator is away; it will come back and decide */
      }
      await pause(20, signal)
    }
    return false
  }

  stop(): void {
    this.#stopped.abort()
    this.#stopHearing()
  }
}
