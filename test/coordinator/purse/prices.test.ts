// Prices: what is in the table is exact, what is not is unknown, and unknown is never nothing.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { NO_USAGE } from '@swarm/shared/call'
import { costOf, mostOf, Prices, PricesInvalid, priceOf, readPrices } from '@swarm/coordinator/purse/prices'

const table = Prices.parse({
  date: '2026-11-21',
  alike: { claude: 'anthropic' },
  models: {
    anthropic: { big: { input: 10, cacheRead: 1, cacheWrite: 12.5, cacheWriteLong: 20, output: 50 } },
    openai: { small: { input: 1, cacheRead: 0.1, output: 4, longest: 1_000 } },
    scripted: { '*': { input: 0, cacheRead: 0, output: 0 } },
  },
})

test('every class of tokens at its own price; reasoning is part of the output', () => {
  const price = priceOf(table, 'anthropic', 'big')
  const usage = {
    input: 1_000,
    cacheRead: 2_000,
    cacheWrite: 3_000,
    cacheWriteLong: 4_000,
    output: 5_000,
    reasoning: 900,
  }
  assert.equal(costOf(price, usage), (10_000 + 2_000 + 37_500 + 80_000 + 250_000) / 1e6)
  const flat = priceOf(table, 'openai', 'small')
  assert.equal(costOf(flat, { ...NO_USAGE, cacheWrite: 10, cacheWriteLong: 10 }), 20 / 1e6)
})

test('a dated version costs what the model costs, a command line what its models cost, and nothing else is known', () => {
  assert.ok(priceOf(table, 'anthropic', 'big-20261101'))
  assert.ok(priceOf(table, 'openai', 'small-2026-11-01'))
  assert.ok(priceOf(table, 'claude', 'big'))
  assert.ok(priceOf(table, 'scripted', 'any.json'))
  for (const [provider, model] of [
    ['anthropic', 'small'],
    ['anthropic', 'bigger'],
    ['anthropic', 'constructor'],
    ['__proto__', 'big'],
    ['codex', 'small'],
    ['ollama', 'big'],
  ] as const)
    assert.equal(priceOf(table, provider, model), undefined, `${provider}:${model}`)
  assert.equal(costOf(undefined, NO_USAGE), undefined)
  assert.equal(costOf(priceOf(table, 'openai', 'small'), { ...NO_USAGE, input: 1_001 }), undefined)
})

test('the most a call can cost is every token of its prompt in the dearest class, or its own ceiling', () => {
  const price = priceOf(table, 'anthropic', 'big')
  assert.equal(mostOf(price, { input: 1_000, output: 100 }), (1_000 * 20 + 100 * 50) / 1e6)
  assert.equal(mostOf(price, { input: 1_000, output: 100, usd: 0.001 }), 0.001)
  assert.equal(mostOf(undefined, { input: 1, output: 1 }), undefined)
  assert.equal(mostOf(undefined, { input: 1, output: 1, usd: 2 }), 2)
})

test('the shipped table is one, names its date and its sources, and prices a scripted model only because it says so', () => {
  const shipped = readPrices()
  assert.match(shipped.date, /^\d{4}-\d{2}-\d{2}$/)
  for (const provider of Object.keys(shipped.models))
    if (provider !== 'scripted') assert.match(shipped.sources?.[provider] ?? '', /^https:/)
  assert.equal(priceOf(shipped, 'openai', 'llama3.2'), undefined)
  const { scripted: _, ...models } = shipped.models
  assert.equal(priceOf({ ...shipped, models }, 'scripted', 'x'), undefined)
})

test('a table that cannot be read says where', () => {
  const dir = mkdtempSync(join(tmpdir(), 'swarm-prices-'))
  try {
    const file = join(dir, 'mine.json')
    assert.throws(() => readPrices(file), PricesInvalid)
    writeFileSync(
      file,
      JSON.stringify({ date: '2026-11-21', models: { openai: { x: { input: -1, cacheRead: 0, output: 1 } } } }),
    )
    assert.throws(() => readPrices(file), /mine\.json: models\.openai\.x\.input/)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})
