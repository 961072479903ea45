// The purse: no call of a model without a reservation, no reservation beyond a cap (docs/decisions/0005). A reservation is on the ledger
// before its answer goes out, so whoever is killed when, what is in flight is known.
import type { Call, CallEnd, CapName, Limits } from '@swarm/shared/call'
import type { Purse as Spender, Reservation } from '@swarm/shared/model/purse'
import type { Coordinator } from '../coordinator.ts'
import { Limiter } from './limiter.ts'
import { lost, lostCalls } from './lost.ts'
import { costOf, mostOf, type Prices, priceOf } from './prices.ts'
import { CAP_FLAGS, capWords, type Spending, spending } from './spending.ts'

/** What is in flight may come back as less: until then a call that only just does not fit waits. */
const ROOM_MS = 500

export class Purse implements Spender {
  readonly #limiters = new Map<string, Limiter>()

  constructor(
    private readonly c: Coordinator,
    private readonly prices: Prices,
  ) {}

  /** In turn with everything that changes the board: two questions never see the same money. */
  reserve(call: Call): Promise<Reservation> {
    return this.c.turn(() => this.#reserve(call))
  }

  settle(end: CallEnd, limits?: Limits): Promise<void> {
    return this.c.turn(() => this.#settle(end, limits))
  }

  /** Why a provider takes no more until a person has done something; undefined when it does, as far as anybody knows. */
  exhausted(provider: string): string | undefined {
    return this.#limiters.get(provider)?.exhausted
  }

  /** Settles what a caller left in flight; without a caller, everything. Only within a turn. */
  async lose(by?: string): Promise<void> {
    for (const fact of lostCalls(this.c.board, by)) await this.c.write(fact)
  }

  async #reserve(call: Call): Promise<Reservation> {
    const { board, run } = this.c
    const known = board.calls.get(call.id)
    if (known !== undefined) return known.end === undefined ? { granted: true } : { refused: `call ${call.id} is over` }
    if (this.c.finished !== undefined) return { refused: `this run is over: ${this.c.finished.reason}` }
    if (run.reached !== undefined) return { refused: run.reached.why, cap: run.reached.cap }
    if (call.by !== 'director' && !this.c.roster.present().some((a) => a.agent === call.by))
      return { refused: `there is no agent ${call.by} here; join first` }
    const limiter = this.#limiter(call.provider)
    if (limiter.exhausted !== undefined) return { refused: `${call.provider} takes no more: ${limiter.exhausted}` }
    const upToUsd = mostOf(priceOf(this.prices, call.provider, call.model), call.upTo)
    if (upToUsd === undefined && run.caps?.usd !== undefined)
      return {
        refused: `the price of ${call.provider}:${call.model} is not known, and this run may not cost more than $${run.caps.usd}. Add the model to a table of prices (--prices FILE), or limit tokens instead (--budget-tokens)`,
      }
    const room = await this.#room(call, upToUsd ?? 0)
    if (room !== undefined) return room
    const tokens = call.upTo.input + call.upTo.output
    const wait = limiter.waitMs(tokens, this.#inFlight(call.provider))
    if (wait.ms > 0) return { waitMs: Math.ceil(wait.ms), why: wait.why }
    await this.c.write({ type: 'call-reserved', call, ...(upToUsd === undefined ? {} : { upToUsd }) })
    limiter.granted(tokens)
    return { granted: true }
  }

  /** Undefined when every cap still holds this call beside all that is spent and in flight. */
  async #room(call: Call, usd: number): Promise<Reservation | undefined> {
    const { board, run } = this.c
    const { settled, inFlight } = spending(board, run)
    const asked: Spending = { usd, tokens: call.upTo.input + call.upTo.output, calls: 1 }
    for (const cap of ['usd', 'tokens', 'calls'] as const) {
      const most = run.caps?.[cap]
      if (most === undefined || settled[cap] + inFlight[cap] + asked[cap] <= most) continue
      // A call in flight stays one call, but its money and its tokens may turn out to be less.
      if (cap !== 'calls' && inFlight.calls > 0 && settled[cap] + asked[cap] <= most)
        return { waitMs: ROOM_MS, why: `what is in flight may use up ${capWords(cap, most)}` }
      const why = `the cap of ${capWords(cap, most)} (${CAP_FLAGS[cap]}) is reached: ${capWords(cap, rounded(cap, settled[cap] + inFlight[cap]))} are spent or in flight, and the next call may take ${capWords(cap, rounded(cap, asked[cap]))}`
      await this.c.reach(cap, why)
      return { refused: why, cap }
    }
    return undefined
  }

  async #settle(end: CallEnd, limits: Limits | undefined): Promise<void> {
    const known = this.c.board.calls.get(end.id)
    if (known === undefined) return this.c.log(`a settlement of call ${end.id}, which nobody reserved, is dropped`)
    const { provider, model } = known.call
    const limiter = this.#limiter(provider)
    if (limits?.exhausted !== undefined && limiter.exhausted === undefined)
      this.c.log(`${provider} takes no more: ${limits.exhausted}`)
    limiter.settled(end.how, limits)
    if (known.end !== undefined) return
    if (end.how === 'lost') return this.c.write(lost(known))
    const usd = costOf(priceOf(this.prices, provider, model), end.usage)
    await this.c.write({ type: 'call-settled', end, ...(usd === undefined ? {} : { usd }) })
  }

  #inFlight(provider: string): number {
    return [...this.c.board.calls.values()].filter((c) => c.end === undefined && c.call.provider === provider).length
  }

  #limiter(provider: string): Limiter {
    const limiter = this.#limiters.get(provider) ?? new Limiter()
    this.#limiters.set(provider, limiter)
    return limiter
  }
}

const rounded = (cap: CapName, value: number): number => (cap === 'usd' ? Number(value.toPrecision(4)) : value)
