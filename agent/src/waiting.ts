// Waiting: for a while, for a signal, and ever longer after failures.

/** Resolves after `ms`, or at once when the signal fires. Never rejects. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done, { once: true })
  })
}

/** 1 s, 2 s, 4 s … 5 min, each times 0.5 to 1 at random, so that agents that failed together do not come back together. */
export class Backoff {
  #failures = 0
  constructor(
    private readonly firstMs = 1_000,
    private readonly mostMs = 300_000,
  ) {}

  next(): number {
    return Math.min(this.firstMs * 2 ** this.#failures++, this.mostMs) * (0.5 + Math.random() / 2)
  }

  wait(signal?: AbortSignal): Promise<void> {
    return pause(this.next(), signal)
  }

  reset(): void {
    this.#failures = 0
  }
}
