// A wire: one request to one provider, with everything that can come of it as a value. Tries and money are metered.ts's affair.
import type { Limits, Usage } from '../call.ts'
import type { NoTurn, Request, Turn } from './model.ts'
import { redact } from './keys.ts'
import { limitsOf } from './limits.ts'

export type Sent =
  /** `told`: with its usage. A server that tells none leaves the call to its reservation. */
  | { how: 'completed'; turn: Turn; told: boolean; limits: Limits }
  /** It broke while it came: `usage` as far as it was told, absent when nobody can tell. `again`: worth another try. */
  | { how: 'broken'; usage?: Usage; why: string; again: boolean; limits: Limits }
  /** The provider took nothing. `again`: after this many ms, or by our own backoff. */
  | { how: 'refused'; why: string; again: number | 'later'; limits: Limits }
  | { how: 'refused'; why: string; none: NoTurn['none'] | 'full'; limits: Limits }

export interface Wire {
  readonly provider: string
  readonly name: string
  /** The most input tokens the request can have. */
  size(request: Request, signal: AbortSignal): Promise<number>
  /** Never rejects. */
  send(request: Request, signal: AbortSignal): Promise<Sent>
}

/** A token of a byte-level vocabulary has at least one byte; what a provider adds around tools and messages is covered by the rest. */
export const mostTokens = (body: unknown): number => Buffer.byteLength(JSON.stringify(body)) + 1_000

/** What both SDKs' errors have in common. `cause` of a connection's error says how far it came. */
interface SdkError extends Error {
  status?: number | undefined
  headers?: Headers | undefined
  code?: string | null | undefined
  error?: unknown
}

/** Nothing went out. */
const UNSENT = /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_|self.signed/
/** No money, or no right: only a person can mend it. */
const NO_CREDIT = /insufficient_quota|billing|credit balance|exceeded your current quota/i

/** The conversation no longer fits: said as a refusal of the request, in each server's own words. */
const FULL = /context_length_exceeded|prompt is too long|maximum context length|exceeds? the (available )?context/i

const sentence = (text: string): string => redact(text).replace(/\s+/g, ' ').trim().slice(0, 300)

function causes(error: unknown): string {
  const words: string[] = []
  for (let at = error; at instanceof Error && words.length < 6; at = at.cause)
    words.push(String((at as { code?: unknown }).code ?? ''), at.message)
  return words.join(' ')
}

/**
 * What an SDK's error means. `begun`: the answer had begun (usage as far as it was told); undefined: no answer had come.
 * Statuses after the two providers' own documentation: 408, 409, 429 and 5xx (529: overloaded) may be tried again, `x-should-retry` decides where given.
 */
export function brokenBy(error: SdkError, begun: { usage?: Usage } | undefined, aborted: boolean): Sent {
  const limits = limitsOf(error.headers)
  const why = sentence(error.message)
  const words = `${error.code ?? ''} ${why} ${JSON.stringify(error.error ?? '')}`
  if (begun !== undefined || (error.status === undefined && !UNSENT.test(causes(error))))
    return {
      how: 'broken',
      ...begun,
      why: aborted ? 'stopped' : why,
      again: !aborted && !NO_CREDIT.test(words),
      limits,
    }
  if (error.status === undefined) return { how: 'refused', why: sentence(causes(error)), again: 'later', limits }
  if ([401, 403].includes(error.status) || error.status === 402 || NO_CREDIT.test(words))
    return { how: 'refused', why, none: 'exhausted', limits: { ...limits, exhausted: why } }
  const should = error.headers?.get('x-should-retry')
  const transient = [408, 409, 429].includes(error.status) || error.status >= 500
  if (should === 'true' || (transient && should !== 'false'))
    return { how: 'refused', why, again: limits.retryAfterMs ?? 'later', limits }
  if (FULL.test(words)) return { how: 'refused', why, none: 'full', limits }
  return { how: 'refused', why, none: transient ? 'unavailable' : 'invalid', limits }
}
