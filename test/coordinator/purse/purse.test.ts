// The purse as those who spend see it: the coordinator as the process it is, over a real bus. What matters: no cap is passed however
// many ask at once, and what was granted is never forgotten, whoever is killed.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { type Call, NO_USAGE, type Usage } from '@swarm/shared/call'
import type { AskReply } from '@swarm/shared/subjects'
import { spending } from '@swarm/coordinator/purse/spending'
import { openReader } from '@swarm/coordinator/board/read'
import type { Board, RunRecord } from '@swarm/coordinator/board/schema'
import { type Home, openHome } from '../../support/home.ts'
import { RECIPE } from '../bowl.ts'
import { insist, Lane } from '../lane.ts'

let home: Home
afterEach(() => home.close())

/** 1 USD for a million tokens of any class: dollars can be read off the tokens. */
const PRICES = {
  date: '2026-11-21',
  models: { openai: { known: { input: 1, cacheRead: 1, output: 1 } } },
}

async function open(...args: string[]): Promise<void> {
  home = await openHome(RECIPE)
  const prices = join(home.dir, 'prices.json')
  writeFileSync(prices, JSON.stringify(PRICES))
  const c = home.coordinator('--agents', '1', '--prices', prices, ...args)
  await c.ready
}

function board<T>(read: (b: Board, run: RunRecord) => T): T {
  const reader = openReader(home.home)
  try {
    return read(reader.board, reader.runs().at(-1) as RunRecord)
  } finally {
    void reader.close()
  }
}

let calls = 0
const call = (by: string, tokens: number, more: Partial<Call> = {}): Call => ({
  id: `call-${String(++calls).padStart(6, '0')}`,
  by,
  role: 'author',
  provider: 'openai',
  model: 'known',
  upTo: { input: tokens / 2, output: tokens / 2 },
  ...more,
})
const reserve = (c: Call): Promise<AskReply<'reserve'>> => insist(() => home.bus.ask('reserve', { call: c }))
const settle = (id: string, usage: Partial<Usage>): Promise<unknown> =>
  insist(() => home.bus.ask('settle', { end: { id, how: 'completed', usage: { ...NO_USAGE, ...usage }, seconds: 1 } }))
const granted = (reply: AskReply<'reserve'>): boolean => 'granted' in reply

test('a question is one reservation however often it is asked, and a settlement counts once', async () => {
  await open()
  await new Lane(home, home.bus, 'a1').join()
  const one = call('a1', 1_000)
  assert.ok(granted(await reserve(one)))
  assert.ok(granted(await reserve(one)))
  assert.deepEqual(board(spending).inFlight, { usd: 0.001, tokens: 1_000, calls: 1 })
  await settle(one.id, { input: 100, output: 20 })
  await settle(one.id, { input: 900 })
  assert.deepEqual(board(spending), {
    settled: { usd: 0.00012, tokens: 120, calls: 1 },
    inFlight: { usd: 0, tokens: 0, calls: 0 },
  })
  const again = await reserve(one)
  assert.match('refused' in again ? again.refused : '', /over/)
  const stranger = await reserve(call('b9', 10))
  assert.match('refused' in stranger ? stranger.refused : '', /join first/)
  await settle('call-never-reserved', { input: 5 })
  assert.equal(
    board((b) => b.calls.size),
    1,
  )
})

test('a price that is not known: money stays unknown, and a run with a cap of money does not take it', async () => {
  await open()
  await new Lane(home, home.bus, 'a1').join()
  const odd = call('a1', 1_000, { model: 'odd' })
  assert.ok(granted(await reserve(odd)))
  await settle(odd.id, { input: 10 })
  const kept = board((b) => b.calls.get(odd.id))
  assert.deepEqual([kept?.upToUsd, kept?.end?.usd], [undefined, undefined])
  await home.close()
  await open('--budget-usd', '5')
  await new Lane(home, home.bus, 'a1').join()
  const refused = await reserve(call('a1', 1_000, { model: 'odd' }))
  assert.match('refused' in refused ? refused.refused : '', /price of openai:odd is not known.*--prices/)
  assert.equal('refused' in refused ? refused.cap : 'x', undefined)
  assert.ok(granted(await reserve(call('a1', 1_000))), 'nothing has come to its end')
})

test('eight ask at once: what is in flight counts, nobody passes the cap, and what comes back makes room', async () => {
  await open('--budget-usd', '0.01')
  const names = Array.from({ length: 8 }, (_, i) => `a${i + 1}`)
  for (const name of names) await new Lane(home, home.bus, name).join()
  const asked = names.map((name) => call(name, 2_500))
  const replies = await Promise.all(asked.map(reserve))
  assert.equal(replies.filter(granted).length, 4)
  assert.ok(replies.every((r) => granted(r) || 'waitMs' in r))
  assert.equal(board(spending).inFlight.usd, 0.01)
  const first = asked.find((_, i) => granted(replies[i] as AskReply<'reserve'>)) as Call
  await settle(first.id, { input: 10 })
  const next = await reserve(call('a1', 2_000))
  assert.ok(granted(next))
  assert.equal(
    board((_, run) => run.reached),
    undefined,
  )
})

test('at the cap: refused with its name, a fact says so, agents drain, and the run ends with 5 when the last has left', async () => {
  home = await openHome(RECIPE)
  const c = home.coordinator('--agents', '1', '--budget-calls', '2')
  await c.ready
  const lane = new Lane(home, home.bus, 'a1')
  await lane.join()
  const told = new Promise<string>((resolve) => home.bus.onControl('a1', (control) => resolve(control.do)))
  for (let i = 0; i < 2; i++) assert.ok(granted(await reserve(call('a1', 10))))
  const third = await reserve(call('a1', 10))
  assert.equal('cap' in third ? third.cap : undefined, 'calls')
  assert.equal(await told, 'drain')
  assert.equal(
    board((_, run) => run.reached?.cap),
    'calls',
  )
  const late = await home.bus.ask('join', {
    lane: { kind: 'cpu', cores: [0] },
    machine: { host: 'late', cpu: 'any', cores: 1 },
    frozen: home.frozen,
  })
  assert.match('refused' in late ? late.refused : '', /at its end/)
  await home.bus.ask('leave', { agent: 'a1', session: 1, reason: 'drained' })
  assert.equal(await c.ended, 5)
  const run = board((_, r) => r)
  assert.match(run.stopped?.reason ?? '', /cap of 2 calls \(--budget-calls\) is reached/)
  const open = board((b) => [...b.calls.values()].map((k) => k.end?.how))
  assert.deepEqual(open, ['lost', 'lost'], 'what the agent left in flight counts as used')
})

test('the wall and the lanes have caps too', async () => {
  home = await openHome(RECIPE)
  const wall = home.coordinator('--agents', '1', '--budget-wall', '0.2')
  assert.equal(await wall.ended, 5)
  assert.match(board((_, r) => r.stopped?.reason) ?? '', /--budget-wall/)
  const lanes = home.coordinator('--agents', '1', '--budget-lane-seconds', '0.05')
  await lanes.ready
  const lane = new Lane(home, home.bus, 'a1')
  await lane.join()
  // 0.01 s each: the fourth leaves no room for one more beside it.
  while (board((_, run) => run.reached) === undefined) await lane.once()
  assert.equal(lane.ran.length, 4)
  await home.bus.ask('leave', { agent: 'a1', session: 1, reason: 'drained' })
  assert.equal(await lanes.ended, 5)
  assert.match(board((_, r) => r.stopped?.reason) ?? '', /--budget-lane-seconds/)
})

test('killed after a grant: the reservation is on the ledger, counts as in flight, and may still be settled', async () => {
  await open('--budget-tokens', '1000')
  await new Lane(home, home.bus, 'a1').join()
  const mine = call('a1', 800)
  assert.ok(granted(await reserve(mine)))
  const directors = call('director', 100, { role: 'director' })
  assert.ok(granted(await reserve(directors)))
  process.kill((await home.bus.ask('ping', {})).pid, 'SIGKILL')
  const again = home.coordinator('--agents', '1', '--budget-tokens', '1000')
  await again.ready
  assert.ok(granted(await reserve(mine)), 'asked again, it is the same one')
  assert.equal(
    board((b) => b.calls.get(directors.id)?.end?.how),
    'lost',
    "the director's process is gone",
  )
  assert.deepEqual(board(spending).inFlight.tokens, 800)
  const more = await reserve(call('a1', 200))
  assert.ok('waitMs' in more)
  await settle(mine.id, { output: 7 })
  assert.equal(board(spending).settled.tokens, 107)
})
