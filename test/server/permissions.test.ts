// What the user `agent` may do on the swarm's server, tried out: all an agent needs, and nothing that decides anything.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { AckPolicy, DiscardPolicy, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import { type Server, startServer } from '@swarm/coordinator/server'
import { type Bus, openBus } from '@swarm/shared/bus'
import { BUCKET, consumer, subject } from '@swarm/shared/subjects'
import { Objm } from '@nats-io/obj'

const home = mkdtempSync(join(tmpdir(), 'swarm-permissions-'))
let server: Server
let coordinator: Bus
let agent: Bus
const complaints: string[] = []

before(async () => {
  server = await startServer({ home, log: () => {} })
  coordinator = await openBus({ url: server.url, name: 'coordinator' })
  agent = await openBus({ url: server.agentUrl, name: 'a1', log: (line) => complaints.push(line) })
  const streams = (await coordinator.manager()).streams
  await streams.add({
    name: 'LEDGER',
    subjects: ['ledger.>'],
    storage: StorageType.File,
    max_msgs_per_subject: 1,
    discard: DiscardPolicy.New,
    discard_new_per_subject: true,
  })
  await streams.add({
    name: 'WORK',
    subjects: ['work.>'],
    storage: StorageType.File,
    retention: RetentionPolicy.Workqueue,
  })
  await streams.add({ name: 'RES', subjects: ['res.>'], storage: StorageType.File })
  await (await coordinator.manager()).consumers.add('WORK', {
    durable_name: consumer.workAny,
    ack_policy: AckPolicy.Explicit,
    filter_subject: 'work.any.>',
  })
  await new Objm(coordinator.nc).create(BUCKET, { storage: StorageType.File })
})
after(async () => {
  await agent?.close()
  await coordinator?.close()
  await server?.stop()
  rmSync(home, { recursive: true, force: true })
})

test('an agent takes work, beats, reports, and acknowledges', async () => {
  await coordinator.js.publish(subject.workAny('e0001'), 'work')
  const any = await agent.js.consumers.get('WORK', consumer.workAny)
  const m = await any.next({ expires: 2_000 })
  assert.equal(m?.string(), 'work')
  m.working()
  const stored = await agent.js.publish(subject.result('a1', 'e0001'), '{}', { msgID: 'e0001:1' })
  assert.equal(stored.stream, 'RES')
  assert.equal(await m.ackAck(), true)
  assert.equal((await (await coordinator.manager()).streams.info('WORK')).state.messages, 0)
})

test('it asks and is answered; its heartbeats are heard', async () => {
  coordinator.answer('ping', async () => ({ run: 1, seq: 2, pid: 3 }))
  await coordinator.nc.flush()
  assert.deepEqual(await agent.ask('ping', {}), { run: 1, seq: 2, pid: 3 })
  const heard = new Promise((resolve) =>
    coordinator.nc.subscribe('hb.*', { max: 1, callback: (_e, m) => resolve(m.subject) }),
  )
  await coordinator.nc.flush()
  agent.nc.publish(subject.heartbeat('a1'), '{}')
  assert.equal(await heard, 'hb.a1')
})

test('it reads the ledger and the object store, and hears control', async () => {
  await coordinator.publishFact({ type: 'swarm-stopped', at: new Date(0).toISOString(), run: 1, reason: 'test' })
  const facts = await agent.facts(1)
  for await (const event of facts.events) {
    assert.equal(event.fact.type, 'swarm-stopped')
    break
  }
  facts.stop()
  assert.equal(await agent.lastSeq(), 1)
  const bytes = new Uint8Array(300_000).fill(7)
  await coordinator.putObject('bundle/x', bytes)
  assert.deepEqual(await agent.getObject('bundle/x'), bytes)
  assert.equal(await agent.hasObject('bundle/y'), false)
  const obeyed = new Promise((resolve) => agent.onControl('a1', resolve))
  await agent.nc.flush()
  coordinator.control('all', { do: 'drain', reason: 'test' })
  assert.deepEqual(await obeyed, { do: 'drain', reason: 'test' })
})

test('it writes no fact, no work, no control and no object', async () => {
  const seq = await coordinator.lastSeq()
  for (const on of ['ledger.best-moved.1', 'work.any.e9', 'work.first.e9', `$O.${BUCKET}.M.x`])
    await assert.rejects(agent.js.publish(on, 'x', { timeout: 500 }), on)
  const heard: string[] = []
  coordinator.nc.subscribe('ctl.>', { callback: (_e, m) => void heard.push(m.subject) })
  coordinator.nc.subscribe('work.>', { callback: (_e, m) => void heard.push(m.subject) })
  await coordinator.nc.flush()
  agent.control('all', { do: 'stop', reason: 'mine' })
  await agent.nc.flush()
  await coordinator.nc.flush()
  assert.deepEqual(heard, [])
  assert.equal(await coordinator.lastSeq(), seq)
  assert.ok(
    complaints.some((line) => /permissions violation.*ledger/i.test(line)),
    complaints.join('\n'),
  )
})

test('it changes no stream and no consumer of others', async () => {
  const manager = await agent.manager()
  const refusals: [string, () => Promise<unknown>][] = [
    ['delete', () => manager.streams.delete('LEDGER')],
    ['purge', () => manager.streams.purge('RES')],
    ['update', () => manager.streams.update('LEDGER', { max_msgs: 1 })],
    ['create', () => manager.streams.add({ name: 'MINE', subjects: ['mine'] })],
    ['delete a message', () => manager.streams.deleteMessage('LEDGER', 1)],
    ['consumer on WORK', () => manager.consumers.add('WORK', { durable_name: 'mine', ack_policy: AckPolicy.Explicit })],
    ['delete the queue', () => manager.consumers.delete('WORK', consumer.workAny)],
    ['consumer on RES', () => manager.consumers.add('RES', { durable_name: 'mine', ack_policy: AckPolicy.Explicit })],
  ]
  // Refused requests get no answer: wait for all of them at once.
  const outcomes = await Promise.allSettled(refusals.map(([, refused]) => refused()))
  assert.deepEqual(
    outcomes.map((o, i) => (o.status === 'rejected' ? '' : refusals[i]?.[0])).filter((o) => o !== ''),
    [],
  )
  const names = (await (await coordinator.manager()).streams.list().next()).map((s) => s.config.name).sort()
  assert.deepEqual(names, ['LEDGER', `OBJ_${BUCKET}`, 'RES', 'WORK'])
  await (await coordinator.manager()).consumers.info('WORK', consumer.workAny)
})

test("it does not hear others' questions, results and replies", async () => {
  const heard: string[] = []
  const listen = {
    callback: (refused: Error | null, m: { subject: string }): void => void (refused ?? heard.push(m.subject)),
  }
  for (const on of ['ask.>', 'res.>', '_INBOX_coordinator.>', '$JS.>', '>']) agent.nc.subscribe(on, listen)
  await agent.nc.flush().catch(() => {})
  await coordinator.js.publish('res.a2.e1', '{}')
  await coordinator.nc.request('ask.ping', '{}')
  await (await coordinator.manager()).streams.info('LEDGER')
  coordinator.nc.publish('hb.a2', '{}')
  await coordinator.nc.flush()
  await agent.nc.flush().catch(() => {})
  assert.deepEqual(heard, ['hb.a2'], 'only what everybody may hear')
})

test('a wrong password is refused', async () => {
  await assert.rejects(openBus({ url: server.agentUrl.replace(/:[0-9a-f]+@/, ':wrong@'), name: 'x' }))
  await assert.rejects(openBus({ url: `nats://${server.address}`, name: 'x' }))
})
