// The one rate limiter of a provider: all its callers share what its headers said, and how many calls may run beside each other.
import type { CallEnd, Limits } from '@swarm/shared/call'

/** Calls beside each other; halved when the provider says it is too much, one more after each call that went well. */
const MOST_BESIDE = 32
const LOOK_AGAIN_MS = 250
const REFUSED_MS = 1_000

export class Limiter {
  #beside = MOST_BESIDE
  /** Nothing before this moment, ms of `now`. */
  #notBefore = 0
  /** What is left until `until`, counted down as calls are granted. */
  #requests: { left: number; until: number } | undefined
  #tokens: { left: number; until: number } | undefined
  /** Why the provider takes no more until a person has done something. */
  exhausted: string | undefined

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** How long to wait before a call of this many tokens, ms; 0: it may go. `inFlight`: calls of this provider that run. */
  waitMs(tokens: number, inFlight: number): { ms: number; why: string } {
    const now = this.now()
    if (now < this.#notBefore) return { ms: this.#notBefore - now, why: 'the provider asked to wait' }
    if (inFlight >= this.#beside) return { ms: LOOK_AGAIN_MS, why: `${inFlight} calls run beside each other already` }
    for (const [window, needed, what] of [
      [this.#requests, 1, 'requests'],
      [this.#tokens, tokens, 'tokens'],
    ] as const) {
      // Alone, a call may go whatever is said to be left: the window may be smaller than the call.
      if (window !== undefined && now < window.until && window.left < needed && inFlight > 0)
        return { ms: Math.min(window.until - now, 60_000), why: `the provider's ${what} for now are used up` }
      if (window !== undefined && now < window.until && window.left <= 0)
        return { ms: Math.min(window.until - now, 60_000), why: `the provider's ${what} for now are used up` }
    }
    return { ms: 0, why: '' }
  }

  granted(tokens: number): void {
    if (this.#requests !== undefined) this.#requests.left--
    if (this.#tokens !== undefined) this.#tokens.left -= tokens
  }

  settled(how: CallEnd['how'], limits: Limits | undefined): void {
    const now = this.now()
    if (how === 'completed') this.#beside = Math.min(MOST_BESIDE, this.#beside + 1)
    if (limits === undefined) return
    const until = now + (limits.resetMs ?? 0)
    if (limits.requestsLeft !== undefined) this.#requests = { left: limits.requestsLeft, until }
    if (limits.tokensLeft !== undefined) this.#tokens = { left: limits.tokensLeft, until }
    if (limits.retryAfterMs !== undefined) {
      this.#notBefore = Math.max(this.#notBefore, now + (limits.retryAfterMs || REFUSED_MS))
      this.#beside = Math.max(1, Math.floor(this.#beside / 2))
    }
    if (limits.exhausted !== undefined) this.exhausted = limits.exhausted
  }
}
