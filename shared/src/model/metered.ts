// Metered: a wire becomes a model. Each request is reserved before it goes out and settled when it ended, whatever came of it; the SDKs'
// own retries are off, since the purse has to see every try.
import { randomUUID } from 'node:crypto'
import { type CallEnd, type Limits, NO_USAGE } from '../call.ts'
import { granted, rest } from './granted.ts'
import type { Model, NoTurn, Request, Turn } from './model.ts'
import type { Purse } from './purse.ts'
import type { Sent, Wire } from './wire.ts'

export interface Patience {
  /** Tries of one turn, the first included. */
  tries: number
  /** First pause, doubled each time, times 0.5 to 1 at random; and the longest. */
  firstMs: number
  mostMs: number
  /** A provider that wants to be left alone for longer than this is unavailable. */
  askedMostMs: number
}
const PATIENCE: Patience = { tries: 7, firstMs: 500, mostMs: 60_000, askedMostMs: 15 * 60_000 }

export class Metered implements Model {
  readonly provider: string
  readonly name: string
  /** Said once by the provider: it takes no more. */
  #exhausted: string | undefined

  constructor(
    private readonly wire: Wire,
    private readonly purse: Purse,
    private readonly log: (line: string) => void = () => {},
    private readonly patience: Partial<Patience> = {},
  ) {
    this.provider = wire.provider
    this.name = wire.name
  }

  async turn(request: Request, signal: AbortSignal): Promise<Turn | NoTurn> {
    const { tries, firstMs, mostMs, askedMostMs } = { ...PATIENCE, ...this.patience }
    let why = ''
    for (let n = 0; n < tries; n++) {
      if (this.#exhausted !== undefined) return { none: 'exhausted', why: this.#exhausted }
      const sent = await this.#once(request, signal)
      if ('none' in sent && sent.how !== 'refused') return sent
      if (sent.how === 'completed') return sent.turn
      if (signal.aborted) return { none: 'aborted', why: 'stopped' }
      why = sent.why
      if (sent.how === 'refused' && 'none' in sent) {
        if (sent.none === 'exhausted') this.#exhausted = why
        if (sent.none === 'full') return { stop: 'context-full', text: '', uses: [], usage: NO_USAGE }
        return { none: sent.none, why }
      }
      if (sent.how === 'broken' && !sent.again) return { none: 'unavailable', why }
      const asked = sent.how === 'refused' && typeof sent.again === 'number' ? sent.again : undefined
      if (asked !== undefined && asked > askedMostMs)
        return { none: 'unavailable', why: `${why} (asked to come back in ${Math.round(asked / 1_000)} s)` }
      if (n + 1 === tries) break
      const own = Math.min(firstMs * 2 ** n, mostMs) * (0.5 + Math.random() / 2)
      this.log(`${this.provider}: ${why}; trying again in ${Math.round((asked ?? own) / 100) / 10} s`)
      await rest(asked ?? own, signal)
    }
    return signal.aborted
      ? { none: 'aborted', why: 'stopped' }
      : { none: 'unavailable', why: `${tries} tries failed, the last: ${why}` }
  }

  /** Reserve, send, settle. A NoTurn without `how` when the purse grants nothing. */
  async #once(request: Request, signal: AbortSignal): Promise<Sent | (NoTurn & { how?: undefined })> {
    const { by, role, hypothesis, experiment } = request.purpose
    const id = randomUUID()
    const no = await granted(
      this.purse,
      {
        id,
        by,
        role,
        provider: this.provider,
        model: this.name,
        ...(hypothesis === undefined ? {} : { hypothesis: hypothesis.id }),
        ...(experiment === undefined ? {} : { experiment }),
        upTo: { input: await this.wire.size(request, signal), output: request.maxTokens },
      },
      signal,
    )
    if (no !== undefined) return no
    const began = performance.now()
    const sent = signal.aborted
      ? ({ how: 'refused', why: 'stopped', again: 'later', limits: {} } satisfies Sent)
      : await this.wire.send(request, signal)
    await this.#settle(endOf(id, sent, (performance.now() - began) / 1_000), sent.limits)
    return sent
  }

  /** A settlement that does not get through is made up for by the coordinator: the call then counts as lost, at its reservation. */
  async #settle(end: CallEnd, limits: Limits): Promise<void> {
    try {
      await this.purse.settle(end, limits)
    } catch (error) {
      this.log(`call ${end.id} could not be settled: ${(error as Error).message}`)
    }
  }
}

export function endOf(id: string, sent: Sent, seconds: number): CallEnd {
  if (sent.how === 'completed' && sent.told) return { id, how: 'completed', usage: sent.turn.usage, seconds }
  if (sent.how === 'completed') return { id, how: 'lost', usage: NO_USAGE, seconds }
  if (sent.how === 'refused') return { id, how: 'refused', usage: NO_USAGE, seconds }
  return sent.usage === undefined
    ? { id, how: 'lost', usage: NO_USAGE, seconds }
    : { id, how: 'cut', usage: sent.usage, seconds }
}
