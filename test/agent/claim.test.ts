// The lease, the fence, the outbox and the pieces that wait, against a real nats-server.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { claimNext, deliveries } from '@swarm/agent/claim'
import { LaneInvalid, parseLane, workersOf } from '@swarm/agent/lane'
import { Outbox } from '@swarm/agent/outbox'
import { Backoff, pause } from '@swarm/agent/waiting'
import { type Bus, openBus } from '@swarm/shared/bus'
import { NO_COST, type Result } from '@swarm/shared/result'
import { subject } from '@swarm/shared/subjects'
import { type Hub, openHub } from './hub.ts'

let hub: Hub
let bus: Bus
const lines: string[] = []
before(async () => {
  hub = await openHub()
  bus = await openBus({ url: hub.server.agentUrl, name: 'a1-1', log: (line) => lines.push(line) })
  await hub.bus.ask('ping', {})
  const { lane, machine } = { lane: parseLane('cpu:0'), machine: { host: 'h', cpu: 'c', cores: 1 } }
  await bus.ask('join', { name: 'a1', lane, machine, frozen: hub.checkout.frozen })
})
after(async () => {
  await bus.close()
  await hub.close()
})

const claim = (lease?: { beatMs: number; leaseMs: number }) => claimNext(bus, 'a1', { lease })
const never = new AbortController().signal

function resultOf(n: number, more: Partial<Result> = {}): Result {
  const { id, kind, base, seed, budget, track } = hub.experiment(n)
  const at = new Date().toISOString()
  const outcome = 'run-failed' as const
  return {
    experiment: id,
    kind,
    base,
    seed,
    budget,
    track,
    agent: 'a1',
    fence: 1,
    outcome,
    diff: '',
    cost: NO_COST,
    startedAt: at,
    endedAt: at,
    ...more,
  }
}

test('nothing waiting is no claim; what is claimed is held; given back it comes again with a higher fence', async () => {
  assert.equal(await claim(), undefined)
  await hub.plan(hub.experiment(1))
  const first = await claim()
  assert.equal(first?.experiment.id, 'e0001')
  assert.equal(first?.fence, 1)
  assert.equal(await claim(), undefined, 'held')
  first?.release(0)
  await pause(50)
  const second = await claim()
  assert.equal(second?.fence, 2)
  second?.release(300)
  await pause(50)
  assert.equal(await claim(), undefined, 'given back with a delay')
  await pause(400)
  const third = await claim()
  assert.equal(third?.fence, 3)
  await bus.nc.request(third?.ack as string, '+ACK')
  third?.end()
})

test('the fence is read from old and new servers’ subjects', () => {
  assert.equal(deliveries('$JS.ACK.WORK.first.7.12.34.1700000000000000000.0'), 7)
  assert.equal(deliveries('$JS.ACK._.hash.WORK.first.3.12.34.1700000000000000000.0.token'), 3)
})

test('a message that is no experiment is taken off the queue, and the next one is handed out', async () => {
  await hub.bus.js.publish('work.first.e0002', '{"id":"e0002","kind":"surprise"}')
  await hub.plan(hub.experiment(3))
  const got = await claim()
  assert.equal(got?.experiment.id, 'e0003')
  assert.ok(lines.some((l) => l.includes('work.first.e0002') && l.includes('not an experiment')))
  await bus.nc.request(got?.ack as string, '+ACK')
  got?.end()
  assert.equal((await (await hub.bus.manager()).streams.info('WORK')).state.messages, 0)
})

test('an experiment handed out again whose result is on the ledger is not run again', async () => {
  await hub.plan(hub.experiment(4))
  const got = await claim()
  await hub.bus.publishFact({ type: 'experiment-recorded', at: new Date().toISOString(), result: resultOf(4) })
  got?.release(0)
  await pause(50)
  assert.equal(await claim(), undefined)
  assert.equal((await (await hub.bus.manager()).streams.info('WORK')).state.messages, 0)
})

test('beats hold a claim beyond its lease; without the hub it is lost', async () => {
  await hub.plan(hub.experiment(5))
  const other = await openBus({ url: hub.server.agentUrl, name: 'a1-2' })
  const got = await claimNext(other, 'a1', { lease: { beatMs: 100, leaseMs: 500 } })
  assert.equal(got?.experiment.id, 'e0005')
  await pause(1_200)
  assert.equal(got?.lost.aborted, false)
  await other.close()
  await pause(1_000)
  assert.equal(got?.lost.aborted, true)
  got?.end()
  await bus.nc.request(got?.ack as string, '+ACK')
})

test('the outbox: kept before sent, sent once, gone after; a damaged file is set aside; the hub away is waited for', async () => {
  const dir = join(hub.dir, 'outbox')
  mkdirSync(dir)
  writeFileSync(join(dir, 'e0006-1.json'), '{"half":')
  const outbox = new Outbox(bus, dir)
  await hub.plan(hub.experiment(7))
  const got = await claim()
  const kept = { result: resultOf(7), ack: got?.ack as string }
  await outbox.keep(kept)
  got?.end()
  assert.deepEqual(readdirSync(dir).sort(), ['e0006-1.json', 'e0007-1.json'])

  // As after a crash between the hub's word and the acknowledgement: it went out before, and goes out again.
  await bus.js.publish(subject.result('a1', 'e0007'), JSON.stringify(kept.result), { msgID: 'e0007:1' })
  assert.equal(await new Outbox(bus, dir).sendAll(never), 1)
  assert.deepEqual(readdirSync(dir), ['e0006-1.json.damaged'])
  await hub.result('e0007')
  await pause(200)
  assert.equal(hub.results.filter((r) => r.experiment === 'e0007').length, 1)
  assert.equal(
    (await (await hub.bus.manager()).streams.info('WORK')).state.messages,
    0,
    'acknowledged from another life',
  )

  const leaving = new AbortController()
  const closed = await openBus({ url: hub.server.agentUrl, name: 'a1-3' })
  await closed.close()
  const away = new Outbox(closed, join(hub.dir, 'outbox2'))
  await away.keep({ ...kept, result: resultOf(8) })
  setTimeout(() => leaving.abort(), 400)
  assert.equal(await away.send({ ...kept, result: resultOf(8) }, leaving.signal), 'kept')
  assert.ok(existsSync(join(hub.dir, 'outbox2/e0008-1.json')))
})

test('lanes and waits', async () => {
  assert.deepEqual(parseLane('cpu:0,1,1'), { kind: 'cpu', cores: [0, 1] })
  assert.deepEqual(parseLane('gpu:2'), { kind: 'gpu', cores: [], gpu: 2 })
  assert.ok(parseLane().cores.length > 0)
  for (const wrong of ['cpu', 'cpu:', 'gpu:0,1', 'tpu:0', 'cpu:a']) assert.throws(() => parseLane(wrong), LaneInvalid)
  assert.equal(workersOf(parseLane('cpu:0,1,2')), 2)
  const backoff = new Backoff(100, 1_000)
  const waits = [1, 2, 3, 4, 5, 6].map(() => backoff.next())
  for (const [i, most] of [100, 200, 400, 800, 1_000, 1_000].entries())
    assert.ok((waits[i] ?? 0) <= most && (waits[i] ?? 0) >= most / 2)
  const began = Date.now()
  await pause(10_000, AbortSignal.timeout(50))
  assert.ok(Date.now() - began < 2_000)
})
