// What a lease is for: the fence says which holder wrote a result, and a holder that lost its lease says nothing.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Agent, type Equipment } from '@swarm/agent/agent'
import { claimNext } from '@swarm/agent/claim'
import { ensureConsumer, workConsumer } from '@swarm/coordinator/streams'
import { consumer } from '@swarm/shared/subjects'
import { type Hub, openHub } from './hub.ts'

let hub: Hub
before(async () => {
  hub = await openHub()
  const jsm = await hub.bus.manager()
  for (const name of ['a1', 'a2'])
    await ensureConsumer(jsm, 'WORK', workConsumer(consumer.workFor(name), `work.for.${name}.>`))
})
after(() => hub.close())

const LEASE = { beatMs: 100, leaseMs: 400 }
const waiting = async (): Promise<number> => (await (await hub.bus.manager()).streams.info('WORK')).state.messages

test('an experiment handed out again has a higher fence, and the result says which holder wrote it', async () => {
  await hub.plan(hub.experiment(1))
  const first = await claimNext(hub.bus, 'a1')
  assert.equal(first?.fence, 1)
  first.release(0)
  const agent = hub.agent('a1')
  const result = await hub.result('e0001')
  assert.equal(result.fence, 2)
  assert.equal(result.outcome, 'measured')
  agent.kill('SIGTERM')
  assert.equal(await agent.ended, 0)
  assert.equal(await waiting(), 0)
})

test('a lease is kept by beats; without them it is lost, the work stops and nothing is said of it', async () => {
  await hub.plan(hub.experiment(5))
  const claim = await claimNext(hub.bus, 'a1', { lease: LEASE })
  assert.ok(claim !== undefined)
  await new Promise((r) => setTimeout(r, 3 * LEASE.leaseMs))
  assert.ok(!claim.lost.aborted, 'beats get through')

  const agent = new Agent({ bus: hub.bus, leaving: new AbortController().signal } as Equipment)
  let stopped = false
  const outcome = agent.bear(claim, (signal) => {
    return new Promise<{ outcome: 'measured' }>((done) => {
      signal.addEventListener('abort', () => {
        stopped = true
        done({ outcome: 'measured' })
      })
    })
  })
  const server = hub.server.pid as number
  process.kill(server, 'SIGSTOP')
  try {
    assert.equal(await outcome, undefined)
    assert.ok(stopped && claim.lost.aborted)
  } finally {
    process.kill(server, 'SIGCONT')
  }
  claim.release(0)
  const next = await claimNext(hub.bus, 'a2')
  assert.equal(next?.experiment.id, 'e0005')
  assert.equal(next.fence, 2)
  next.end()
})
