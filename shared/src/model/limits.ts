// What a provider's headers say of its limits. Anthropic tells times to reset, OpenAI spans; both tell how long to stay away.
import type { Limits } from '../call.ts'

const count = (text: string | null): number | undefined => {
  const n = text === null || text === '' ? Number.NaN : Number(text)
  return Number.isFinite(n) && n >= 0 ? Math.floor(n) : undefined
}

/** `1s`, `6m0s`, `20ms`, `1h2m`: Go's way to write a span. */
function span(text: string | null): number | undefined {
  if (text === null || !/^(\d+(\.\d+)?(ms|h|m|s))+$/.test(text)) return undefined
  const unit = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)].reduce(
    (sum, [, n, u]) => sum + Number(n) * unit[u as keyof typeof unit],
    0,
  )
}

const until = (text: string | null): number | undefined => {
  const at = text === null ? Number.NaN : Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now())
}

const least = (...numbers: (number | undefined)[]): number | undefined =>
  numbers.reduce((a, b) => (a === undefined || (b !== undefined && b < a) ? b : a), undefined)

const given = <T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== undefined)) as never

/** How long the provider wants to be left alone, ms: `retry-after-ms`, or `retry-after` in seconds or as a date. */
export function retryAfterMs(headers: Headers): number | undefined {
  const ms = headers.get('retry-after-ms')
  if (ms !== null && Number(ms) >= 0) return Number(ms)
  const after = headers.get('retry-after')
  if (after === null) return undefined
  return Number(after) >= 0 ? Number(after) * 1_000 : until(after)
}

export function limitsOf(headers: Headers | undefined): Limits {
  if (headers === undefined) return {}
  const of = (name: string): string | null => headers.get(name)
  const ant = (what: string, field: string): string | null => of(`anthropic-ratelimit-${what}-${field}`)
  const resets = [
    ...['requests', 'tokens', 'input-tokens', 'output-tokens'].map((what) => until(ant(what, 'reset'))),
    span(of('x-ratelimit-reset-requests')),
    span(of('x-ratelimit-reset-tokens')),
  ].filter((ms) => ms !== undefined)
  return given({
    requestsLeft: least(count(ant('requests', 'remaining')), count(of('x-ratelimit-remaining-requests'))),
    tokensLeft: least(
      ...['tokens', 'input-tokens', 'output-tokens'].map((what) => count(ant(what, 'remaining'))),
      count(of('x-ratelimit-remaining-tokens')),
    ),
    resetMs: resets.length === 0 ? undefined : Math.max(...resets),
    retryAfterMs: retryAfterMs(headers),
  })
}
