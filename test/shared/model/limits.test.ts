import assert from 'node:assert/strict'
import { test } from 'node:test'
import { limitsOf } from '@swarm/shared/model/limits'

const of = (headers: Record<string, string>): ReturnType<typeof limitsOf> => limitsOf(new Headers(headers))

test('Anthropic tells what is left of each kind and when it is full again: the least counts, and the latest', () => {
  const inSeconds = (s: number): string => new Date(Date.now() + s * 1_000).toISOString()
  const { resetMs, ...rest } = of({
    'anthropic-ratelimit-requests-remaining': '49',
    'anthropic-ratelimit-requests-reset': inSeconds(5),
    'anthropic-ratelimit-input-tokens-remaining': '12000',
    'anthropic-ratelimit-output-tokens-remaining': '900',
    'anthropic-ratelimit-output-tokens-reset': inSeconds(40),
  })
  assert.deepEqual(rest, { requestsLeft: 49, tokensLeft: 900 })
  assert.ok(resetMs !== undefined && resetMs > 30_000 && resetMs <= 40_000)
})

test('OpenAI tells spans', () => {
  assert.deepEqual(
    of({
      'x-ratelimit-remaining-requests': '3',
      'x-ratelimit-remaining-tokens': '149984',
      'x-ratelimit-reset-requests': '20ms',
      'x-ratelimit-reset-tokens': '6m1.5s',
    }),
    { requestsLeft: 3, tokensLeft: 149_984, resetMs: 361_500 },
  )
})

test('how long to stay away: in ms, in seconds, or until a date; nonsense says nothing', () => {
  assert.deepEqual(of({ 'retry-after-ms': '250', 'retry-after': '9' }), { retryAfterMs: 250 })
  assert.deepEqual(of({ 'retry-after': '9' }), { retryAfterMs: 9_000 })
  const { retryAfterMs = 0 } = of({ 'retry-after': new Date(Date.now() + 60_000).toUTCString() })
  assert.ok(retryAfterMs > 50_000 && retryAfterMs <= 60_000)
  assert.deepEqual(of({ 'x-ratelimit-remaining-tokens': 'many', 'x-ratelimit-reset-tokens': 'soon' }), {})
  assert.deepEqual(of({ 'retry-after': 'soon' }), {})
  assert.deepEqual(limitsOf(undefined), {})
})
