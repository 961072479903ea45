// With the director off: who reads asks for the digest and proposes; what is taken is meant for that agent, repeats are refused, and when
// nobody has anything new the run ends.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openReader } from '@swarm/coordinator/board/read'
import type { Proposal } from '@swarm/shared/hypothesis'
import { subject } from '@swarm/shared/subjects'
import { type CoordinatorProcess, type Home, openHome } from '../support/home.ts'
import { RECIPE } from './bowl.ts'
import { Lane } from './lane.ts'

let home: Home
let running: CoordinatorProcess
let lane: Lane
before(async () => {
  home = await openHome(RECIPE)
  running = home.coordinator('--agents', '1', '--readers', '1')
  await running.ready
  lane = new Lane(home, home.bus, 'a1', { name: 'scripted', model: 'x' })
  await lane.join()
})
after(() => home.close())

const idea = (title: string): Proposal => ({ title, area: 'head' })
const propose = (...titles: string[]) =>
  home.bus.ask('propose', { agent: 'a1', session: 1, proposals: titles.map(idea) })

test('who reads is told that it proposes; who searches is not', async () => {
  const who = {
    lane: { kind: 'cpu' as const, cores: [0] },
    machine: { host: 'x', cpu: 'any', cores: 1 },
    frozen: home.frozen,
  }
  const reads = await home.bus.ask('join', { ...who, name: 'b1', researcher: { name: 'codex' } })
  assert.equal('agent' in reads && reads.proposes, true)
  const searches = await home.bus.ask('join', { ...who, name: 'b2' })
  assert.equal('agent' in searches && searches.proposes, undefined)
  for (const agent of ['b1', 'b2']) await home.bus.ask('leave', { agent, session: 1, reason: 'done' })
})

test('what is new is taken and waits in its own line; repeats and what is too much are not, with the reason', async () => {
  const { text } = await home.bus.ask('digest', { agent: 'a1' })
  assert.match(text, /its baselines are being measured/)
  const reply = await propose(
    'Clip the logits',
    'clipping logits',
    'Share the head',
    'Widen block one',
    'Learn the gate',
    'Freeze norms',
  )
  assert.ok('taken' in reply)
  assert.deepEqual(
    reply.taken,
    ['h0001', 'h0002', 'h0003', 'h0004'].map((_, i) => reply.taken[i]),
  )
  assert.equal(reply.taken.length, 4)
  assert.deepEqual(
    reply.notTaken.map(({ title, why }) => [title, /nearly the same|the queue is full/.test(why)]),
    [
      ['clipping logits', true],
      ['Freeze norms', true],
    ],
  )
  const board = openReader(home.home)
  const h = board.hypothesis(reply.taken[0] as string)
  assert.deepEqual([h?.hypothesis.agent, h?.hypothesis.origin, h?.hypothesis.area], ['a1', 'model', 'head'])
  const lines = (await (await home.bus.manager()).streams.info('WORK', { subjects_filter: 'work.>' })).state.subjects
  assert.ok(Object.keys(lines ?? {}).includes(subject.workFor('a1', h?.experiments[0] as string)))
  await board.close()
  const again = await propose('Share the head')
  assert.ok('notTaken' in again && /same as h\d+ \(open\)/.test(again.notTaken[0]?.why ?? ''))
  const stranger = await home.bus.ask('propose', { agent: 'zz', session: 1, proposals: [idea('Anything')] })
  assert.match('refused' in stranger ? stranger.refused : '', /join first/)
})

test('when it has looked three times more without anything new, and nothing is open, the run ends', async () => {
  let ended = false
  void running.ended.then(() => {
    ended = true
  })
  while (!ended) {
    const worked = await lane.once().catch(() => false)
    if (!worked && !ended) await home.bus.ask('digest', { agent: 'a1' }, 2_000).catch(() => {})
  }
  assert.equal(await running.ended, 0)
  const board = openReader(home.home)
  assert.match(board.runs()[0]?.stopped?.reason ?? '', /nobody has another idea/)
  // Knobs planned for the one who searched and left wait for the next of its kind; nothing else does.
  const waiting = board.experiments().filter((e) => e.outcome === 'planned')
  assert.ok(waiting.every((e) => board.hypothesis(e.hypothesis as string)?.hypothesis.origin === 'search'))
  await board.close()
})
