// A pause, as an agent that is a real process meets it: what runs is finished, what is prepared goes back, nothing is claimed.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import type { Experiment } from '@swarm/shared/experiment'
import { type Hub, openHub, until } from './hub.ts'

let hub: Hub
before(async () => {
  hub = await openHub({ seconds: 4 })
})
after(() => hub.close())

let said = 0
const say = (agent: string, paused: boolean): Promise<unknown> =>
  hub.bus.publishFact({ type: 'agent-paused', at: new Date().toISOString(), n: ++said, agent, paused, by: 'me' })
const last = (agent: string) => hub.beats.findLast((b) => b.agent === agent)
/** The first delivery has fence 1; whoever gets it after a release has a higher one. */
const fenceOf = async (e: Experiment): Promise<number> => (await hub.result(e.id, 30_000)).fence

test('paused in the middle of a run: it ends well, the prepared one is another agent’s, the pulse says so; resumed it goes on', async () => {
  const [running, prepared, later] = [hub.experiment(1), hub.experiment(2), hub.experiment(3)]
  await hub.plan(running)
  await hub.plan(prepared)
  hub.agent('a1')
  // Its first steps are the last part of getting ready.
  const ready = join(hub.home, 'runs/a1', `${prepared.id}-1`, 'preflight/report.json')
  await until('the second is ready while the first trains', () => existsSync(ready))
  assert.equal(last('a1')?.experiment, running.id)
  await say('a1', true)
  assert.equal((await hub.result(running.id)).outcome, 'measured')
  await until('it rests', () => last('a1')?.phase === 'paused')
  await hub.plan(later)

  const other = hub.agent('a2')
  const taken = await hub.result(prepared.id, 30_000)
  assert.equal(taken.agent, 'a2')
  assert.ok(taken.fence > 1, 'it was handed out before')
  assert.equal((await hub.result(later.id, 30_000)).agent, 'a2')
  other.kill('SIGTERM')
  await other.ended

  const after = hub.experiment(4)
  await hub.plan(after)
  assert.equal(last('a1')?.phase, 'paused')
  await say('all', false)
  assert.equal((await hub.result(after.id, 30_000)).agent, 'a1')
  assert.equal(await fenceOf(after), 1, 'it was claimed once: nobody touched it before')
})

test('a word for another agent is none for this one', async () => {
  await say('a7', true)
  await hub.plan(hub.experiment(11))
  assert.equal((await hub.result('e0011', 30_000)).agent, 'a1')
})

test('told to rest by the answer to its join, and to go on by the ledger', async () => {
  await say('all', true)
  await until('a1 rests', () => last('a1')?.phase === 'paused')
  hub.paused = true
  const fresh = hub.agent('a3')
  await until('a3 rests', () => last('a3')?.phase === 'paused')
  await hub.plan(hub.experiment(21))
  await say('a3', false)
  assert.equal((await hub.result('e0021', 30_000)).agent, 'a3')
  fresh.kill('SIGTERM')
  assert.equal(await fresh.ended, 0)
})
