// Everything that can go wrong with a request, in all three protocols: what is settled, what is tried again, and how often.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Metered } from '@swarm/shared/model/metered'
import { countedPurse } from '../../support/model-server/counted.ts'
import type { Reply } from '../../support/model-server/reply.ts'
import { startModelServer } from '../../support/model-server/server.ts'
import { each, even, idle, PROTOCOLS, QUICK, request, stage, turned, wireOf } from './stage.ts'

for (const status of [429, 529, 503, 500, 408, 409])
  each(
    `${status}, and then it works: two requests, two reservations`,
    [{ status, headers: { 'retry-after-ms': '1' } }, { text: 'ok' }],
    async (s) => {
      assert.equal((await turned(s)).text, 'ok')
      assert.deepEqual(s.purse.how(), ['refused', 'completed'])
      assert.equal(s.server.seen.length, 2)
      even(s)
    },
  )

each(
  'x-should-retry false is obeyed, and true too',
  [
    { status: 503, headers: { 'x-should-retry': 'false' } },
    { status: 400, headers: { 'x-should-retry': 'true' } },
    { text: 'ok' },
  ],
  async (s) => {
    assert.deepEqual(await s.model.turn(request(), idle).then((t) => ('none' in t ? t.none : t.stop)), 'unavailable')
    assert.equal((await turned(s)).text, 'ok')
    assert.deepEqual(s.purse.how(), ['refused', 'refused', 'completed'])
  },
)

each('seven tries at most', [{ status: 529 }], async (s) => {
  const made = await s.model.turn(request(), idle)
  assert.ok('none' in made && made.none === 'unavailable')
  assert.match(made.why, /7 tries failed/)
  assert.equal(s.server.seen.length, 7)
  assert.equal(s.purse.ends.length, 7)
})

each(
  'no credit: settled, exhausted, and no more tries, not even for the next turn',
  [
    {
      status: 429,
      error: { type: 'insufficient_quota', code: 'insufficient_quota', message: 'You exceeded your current quota' },
    },
  ],
  async (s) => {
    for (let n = 0; n < 2; n++) {
      const made = await s.model.turn(request(), idle)
      assert.ok('none' in made && made.none === 'exhausted', JSON.stringify(made))
    }
    assert.equal(s.server.seen.length, 1)
    assert.deepEqual(s.purse.how(), ['refused'])
    assert.match(s.purse.ends[0]?.limits?.exhausted ?? '', /quota/)
  },
)

each(
  'a refused key is exhausted too',
  [{ status: 401, error: { type: 'authentication_error', message: 'invalid x-api-key' } }],
  async (s) => {
    const made = await s.model.turn(request(), idle)
    assert.ok('none' in made && made.none === 'exhausted')
    assert.equal(s.server.seen.length, 1)
  },
)

each(
  'a request it does not take is not repeated; one that no longer fits is a stop',
  [
    { status: 400, error: { message: 'bad tool' } },
    { status: 400, error: { code: 'context_length_exceeded', message: 'prompt is too long' } },
  ],
  async (s) => {
    const made = await s.model.turn(request(), idle)
    assert.ok('none' in made && made.none === 'invalid')
    assert.equal((await turned(s)).stop, 'context-full')
    assert.deepEqual(s.purse.how(), ['refused', 'refused'])
  },
)

for (const [what, fault] of [
  ['cut', { cutAfter: 4 }],
  ['an error', { errorAfter: 4 }],
] satisfies [string, Reply][])
  each(
    `${what} in mid-stream: settled with what was told, and the turn is repeated`,
    [{ text: 'This will not be all of it.', ...fault }, { text: 'All.' }],
    async (s, protocol) => {
      assert.equal((await turned(s)).text, 'All.')
      // Only Messages tells usage at the start; of the others nobody can tell, so the reservation counts.
      assert.deepEqual(s.purse.how(), [protocol === 'messages' ? 'cut' : 'lost', 'completed'])
      assert.equal(s.server.untold, protocol === 'messages' ? 0 : 1)
      even(s)
    },
  )

each('cut before anything was told: lost, and repeated', [{ text: 'x', cutAfter: 0 }, { text: 'All.' }], async (s) => {
  assert.equal((await turned(s)).text, 'All.')
  assert.deepEqual(s.purse.how(), ['lost', 'completed'])
  even(s)
})

each(
  'stopped in mid-stream: the request ends, and is settled',
  [{ text: 'slowly, slowly', slowMs: 50, delta: 1 }],
  async (s) => {
    const stop = new AbortController()
    const coming = s.model.turn(request(), stop.signal)
    while (s.server.open === 0) await new Promise((r) => setTimeout(r, 10))
    await new Promise((r) => setTimeout(r, 150))
    stop.abort()
    assert.deepEqual(await coming, { none: 'aborted', why: 'stopped' })
    assert.equal(s.purse.ends.length, 1)
    assert.ok(['cut', 'lost'].includes(s.purse.how()[0] ?? ''))
    while (s.server.open > 0) await new Promise((r) => setTimeout(r, 10))
  },
)

for (const protocol of PROTOCOLS)
  test(`${protocol}: a stream that falls silent is broken off and repeated`, { timeout: 60_000 }, async () => {
    const s = await stage(
      protocol,
      (seen) => (seen.n === 1 ? { text: 'and then', slowMs: 50_000 } : { text: 'ok' }),
      3_000,
    )
    try {
      assert.equal((await turned(s)).text, 'ok')
      // On a busy machine the second one may seem silent too.
      assert.ok(s.purse.ends.length >= 2)
      assert.equal(s.purse.how().at(-1), 'completed')
      assert.match(s.log[0] ?? '', /trying again/)
    } finally {
      await s.close()
    }
  })

test('nobody there: nothing was taken; the purse sees each try', { timeout: 60_000 }, async () => {
  const gone = await startModelServer([])
  await gone.close()
  for (const protocol of PROTOCOLS) {
    const purse = countedPurse()
    const model = new Metered(wireOf(protocol, gone.url), purse, () => {}, { ...QUICK, tries: 3 })
    const made = await model.turn(request(), idle)
    assert.ok('none' in made && made.none === 'unavailable', JSON.stringify(made))
    assert.deepEqual(purse.how(), ['refused', 'refused', 'refused'])
  }
})

each('the purse: a wait is waited, a cap ends it, and no request goes out', [{ text: 'ok' }], async (s) => {
  s.purse.answers.push({ waitMs: 60, why: 'eight are in flight' })
  assert.equal((await turned(s)).text, 'ok')
  s.purse.answers.push({ refused: 'the budget of $1 is spent', cap: 'usd' })
  assert.deepEqual(await s.model.turn(request(), idle), { none: 'cap', why: 'the budget of $1 is spent', cap: 'usd' })
  assert.equal(s.server.seen.length, 1)
  even(s)
})

test('chat: a first piece without a role, and a server that tells no usage: the call counts as lost', {
  timeout: 60_000,
}, async () => {
  const s = await stage('chat', [
    { text: 'Hello.', noRole: true },
    { text: 'Hello.', noUsage: true },
  ])
  try {
    assert.equal((await turned(s)).text, 'Hello.')
    assert.equal((await turned(s)).text, 'Hello.')
    assert.deepEqual(s.purse.how(), ['completed', 'lost'])
  } finally {
    await s.close()
  }
})
