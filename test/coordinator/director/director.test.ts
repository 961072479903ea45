// The director as the process it is: a coordinator, a real bus, lanes that read, and a model server of our own on the loopback.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { costs } from '@swarm/coordinator/board/costs'
import { openReader } from '@swarm/coordinator/board/read'
import type { Board } from '@swarm/coordinator/board/schema'
import { type Home, openHome } from '../../support/home.ts'
import type { Script, Seen } from '../../support/model-server/reply.ts'
import { type ModelServer, startModelServer } from '../../support/model-server/server.ts'
import { RECIPE } from '../bowl.ts'
import { insist, Lane } from '../lane.ts'

let home: Home
let models: ModelServer
afterEach(async () => {
  await home.close()
  await models.close()
})

const PRICE = { input: 3, cacheRead: 0.3, cacheWrite: 3.75, cacheWriteLong: 6, output: 15 }
const PARTS = 'activation norm gate window softcap residual embedding schedule warmup momentum'.split(' ')
const DEEDS = 'Replace Remove Double Share Scale Clip Freeze Delay Split Rotate'.split(' ')
const ENDS =
  'in the first block|in the last block|of every head|before attention|after attention|near the output'.split('|')

const card = (title: string): object => ({
  title,
  mechanism: 'Because.',
  expected_gain: 0.01,
  expected_why: 'A guess.',
  area: 'Attention & Norm',
  builds: ['h0001', 'nonsense'],
  risk: null,
})
const isCritique = (seen: Seen): boolean => /^You review/.test(seen.system)
const counted = (seen: Seen): number => Number(/Propose (\d+) hypotheses/.exec(seen.last)?.[1] ?? 0)

/** New ideas for ever, told apart by their words; the critique keeps all. */
function endless(more: (seen: Seen) => object = () => ({})): Script {
  let n = 0
  const next = (): string => {
    const i = n++
    return `${DEEDS[i % 10]} the ${PARTS[Math.floor(i / 10) % 10]} ${ENDS[Math.floor(i / 100) % 6]} ${ENDS[(i * 7) % 6]}`
  }
  return (seen) => ({
    text: JSON.stringify(
      isCritique(seen) ? { verdicts: [] } : { hypotheses: Array.from({ length: counted(seen) }, () => card(next())) },
    ),
    ...more(seen),
  })
}

async function open(script: Script, ...args: string[]): Promise<ReturnType<Home['coordinator']>> {
  models = await startModelServer(script)
  home = await openHome(RECIPE)
  const prices = join(home.dir, 'prices.json')
  writeFileSync(prices, JSON.stringify({ date: '2026-11-21', models: { anthropic: { test: PRICE } } }))
  return again('--prices', prices, ...args)
}
let flags: string[] = []
function again(...args: string[]): ReturnType<Home['coordinator']> {
  flags = ['--director', 'anthropic:test', '--base-url', models.url, '--agents', '1', '--readers', '1', ...args]
  return home.coordinator(...flags)
}

function board<T>(read: (b: Board) => T): T {
  const reader = openReader(home.home)
  try {
    return read(reader.board)
  } finally {
    void reader.close()
  }
}
const proposed = (): string[] => board((b) => [...b.hypotheses.values()].map((h) => h.hypothesis.title))

const reader = (name = 'a1'): Lane => new Lane(home, home.bus, name, { name: 'anthropic', model: 'test' })
/** Works until the coordinator ends; what a lane still asks for then is nobody's any more. */
async function untilEnded(lane: Lane, c: ReturnType<Home['coordinator']>): Promise<number | string> {
  let ended = false
  void c.ended.then(() => {
    ended = true
  })
  const work = async (): Promise<number | string> => {
    while (!ended) if (!(await lane.once())) await new Promise((resolve) => setTimeout(resolve, 50))
    return c.ended
  }
  return Promise.race([c.ended, work()])
}

test('a swarm that only reads: the director keeps it supplied, and the run reaches its goal', async () => {
  const c = await open(endless(), '--experiments', '12')
  await c.ready
  const lane = reader()
  await lane.join()
  assert.equal(await untilEnded(lane, c), 0)
  const hypotheses = board((b) => [...b.hypotheses.values()].map((h) => h.hypothesis))
  assert.ok(hypotheses.length >= 4)
  assert.ok(hypotheses.every((h) => h.origin === 'model' && h.edits.length === 0 && h.by === 'director'))
  assert.deepEqual(hypotheses[0]?.area, 'attention-norm')
  assert.ok(hypotheses.slice(1).some((h) => h.builds?.[0] === 'h0001'))
  assert.deepEqual(hypotheses[0]?.builds, undefined, 'nothing can build on itself')
  const first = models.seen.find((seen) => !isCritique(seen)) as Seen
  assert.match(first.system, /Make the bowl smaller/)
  assert.match(first.last, /constexpr float MUON_LR/)
  assert.match(first.last, /its baselines are being measured/)
  const cost = board((b) => costs(b))
  assert.equal(cost.all.calls, models.told.get('test')?.calls)
  assert.equal(cost.all.usd?.toFixed(9), models.usd({ test: PRICE }).toFixed(9))
})

test('repeats and what the critique drops are not proposed; with nothing new the run ends and says so', async () => {
  const same = [
    'Replace the squared ReLU by SwiGLU',
    'replacing squared relu with swiglu',
    'Clip the logits',
    'Use the force',
  ]
  const c = await open((seen) => ({
    text: JSON.stringify(
      isCritique(seen)
        ? { verdicts: [{ number: 4, keep: false, why: 'No mechanism.' }] }
        : { hypotheses: same.slice(0, Math.max(4, counted(seen))).map(card) },
    ),
  }))
  await c.ready
  const lane = reader()
  await lane.join()
  assert.equal(await untilEnded(lane, c), 0)
  assert.deepEqual(proposed(), ['Replace the squared ReLU by SwiGLU', 'Clip the logits'])
  const reason = board((b) => b.runs.get(1)?.stopped?.reason)
  assert.match(reason ?? '', /nobody has another idea, and nothing is open/)
})

test('told that there is no credit it asks no more, and the run ends', async () => {
  const c = await open([{ status: 401, error: { type: 'authentication_error', message: 'invalid x-api-key' } }])
  await c.ready
  const lane = reader()
  await lane.join()
  assert.equal(await untilEnded(lane, c), 0)
  assert.equal(models.seen.length, 1)
})

test('at the cap of money the run drains with 5, and the server has told no more than the cap', async () => {
  const c = await open(endless(), '--budget-usd', '0.6')
  await c.ready
  const lane = reader()
  await lane.join()
  const told = new Promise<void>((resolve) => {
    home.bus.onControl('a1', (control) => {
      if (control.do === 'drain') resolve()
    })
  })
  void (async () => {
    while (!(await Promise.race([told.then(() => true), lane.once().then(() => false)])));
  })()
  await told
  await home.bus.ask('leave', { agent: 'a1', session: 1, reason: 'drained' })
  assert.equal(await c.ended, 5)
  assert.match(board((b) => b.runs.get(1)?.stopped?.reason) ?? '', /--budget-usd/)
  assert.ok(models.usd({ test: PRICE }) <= 0.6)
})

test('killed in the middle of a model turn, ten times: no hypothesis lost or doubled, no money uncounted', async () => {
  let c = await open(
    endless(() => ({ waitMs: 40, slowMs: 3, delta: 20 })),
    '--experiments',
    '100000',
  )
  await c.ready
  const lane = reader()
  await lane.join()
  let working = true
  const work = (async () => {
    while (working) if (!(await lane.once())) await new Promise((resolve) => setTimeout(resolve, 30))
  })()
  for (let kill = 0; kill < 10; kill++) {
    const asked = models.seen.length
    await insist(async () => assert.ok(models.seen.length > asked))
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 150))
    const before = proposed()
    c.kill('SIGKILL')
    await c.ended
    c = home.coordinator(...flags)
    await c.ready
    assert.deepEqual(proposed().slice(0, before.length), before)
  }
  working = false
  await work
  c.kill('SIGTERM')
  assert.equal(await c.ended, 0)
  const titles = proposed()
  assert.equal(new Set(titles).size, titles.length, 'none is doubled')
  const ids = board((b) => [...b.hypotheses.keys()])
  assert.deepEqual(
    ids,
    ids.map((_, i) => `h${String(i + 1).padStart(4, '0')}`),
  )
  const cost = board((b) => costs(b))
  assert.equal(cost.unsettled.calls, 0)
  assert.ok(
    (cost.all.usd ?? 0) + (cost.lost.usd ?? 0) >= models.usd({ test: PRICE }) - 1e-9,
    'what the server told is counted',
  )
  assert.ok(cost.lost.calls >= 1, 'at least one turn was cut by a kill')
})
