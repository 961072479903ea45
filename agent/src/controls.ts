// Controls: what bases scored on their seeds, as the ledger tells it, so that a lesson can say what was gained.
import type { Bus } from '@swarm/shared/bus'
import { Backoff } from './waiting.ts'

interface Where {
  base: string
  seed: number
  split?: string | undefined
}

export class Controls {
  readonly #scores = new Map<string, number>()

  constructor(
    private readonly bus: Bus,
    signal: AbortSignal,
  ) {
    void this.#follow(signal)
  }

  of(where: Where): number | undefined {
    return this.#scores.get(key(where))
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(1_000, 30_000)
    let next = 1
    while (!signal.aborted) {
      try {
        const { events, stop } = await this.bus.facts(next)
        signal.addEventListener('abort', stop, { once: true })
        for await (const { seq, fact } of events) {
          next = seq + 1
          if (fact.type !== 'experiment-recorded' || fact.result.kind !== 'baseline') continue
          const { measurement, base, seed } = fact.result
          if (measurement !== undefined)
            this.#scores.set(key({ base, seed, split: measurement.split }), measurement.valBpb)
        }
      } catch (error) {
        this.bus.log(`ledger: ${(error as Error).message}`)
      }
      await backoff.wait(signal)
    }
  }
}

const key = ({ base, seed, split = 'val' }: Where): string => `${base} ${seed} ${split}`
