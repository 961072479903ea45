// The limiter of a provider: what one caller was told holds for all of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Limiter } from '@swarm/coordinator/purse/limiter'

function at(): { limiter: Limiter; pass(ms: number): void } {
  let now = 1_000
  const pass = (ms: number): void => {
    now += ms
  }
  return { limiter: new Limiter(() => now), pass }
}

test('without a word from the provider calls go at once', () => {
  assert.equal(at().limiter.waitMs(1e6, 0).ms, 0)
})

test('told to come back later, everybody waits that long, and fewer go beside each other after', () => {
  const { limiter, pass } = at()
  limiter.settled('refused', { retryAfterMs: 4_000 })
  assert.equal(limiter.waitMs(1, 0).ms, 4_000)
  pass(3_999)
  assert.equal(limiter.waitMs(1, 0).ms, 1)
  pass(1)
  assert.equal(limiter.waitMs(1, 0).ms, 0)
  assert.equal(limiter.waitMs(1, 15).ms, 0)
  assert.ok(limiter.waitMs(1, 16).ms > 0)
  for (let i = 0; i < 5; i++) limiter.settled('refused', { retryAfterMs: 0 })
  pass(1_000)
  assert.equal(limiter.waitMs(1, 0).ms, 0)
  assert.ok(limiter.waitMs(1, 1).ms > 0)
  limiter.settled('completed', undefined)
  assert.equal(limiter.waitMs(1, 1).ms, 0)
})

test('what is left of a window is counted down by all grants until it is full again', () => {
  const { limiter, pass } = at()
  limiter.settled('completed', { requestsLeft: 2, tokensLeft: 1_000, resetMs: 5_000 })
  limiter.granted(600)
  assert.match(limiter.waitMs(600, 1).why, /tokens/)
  assert.equal(limiter.waitMs(300, 1).ms, 0)
  limiter.granted(300)
  assert.match(limiter.waitMs(1, 1).why, /requests/)
  assert.match(limiter.waitMs(1, 0).why, /requests/)
  pass(5_000)
  assert.equal(limiter.waitMs(600, 1).ms, 0)
})

test('a call larger than the window goes alone', () => {
  const { limiter } = at()
  limiter.settled('completed', { tokensLeft: 1_000, resetMs: 5_000 })
  assert.ok(limiter.waitMs(2_000, 1).ms > 0)
  assert.equal(limiter.waitMs(2_000, 0).ms, 0)
})

test('exhausted stays exhausted', () => {
  const { limiter } = at()
  limiter.settled('refused', { exhausted: 'no credit' })
  limiter.settled('completed', {})
  assert.equal(limiter.exhausted, 'no credit')
})
