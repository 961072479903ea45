// A finished result outlives its agent: killed at the worst moment, the next life sends it, and it is counted once.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { jail } from '@swarm/agent/sandbox'
import { faultDiff } from '../support/checkout.ts'
import { given, type Hub, openHub, until } from './hub.ts'

let hub: Hub
before(async () => {
  hub = await openHub()
})
after(() => hub.close())

const box = (agent: string): string => join(hub.home, 'outbox', agent)
const held = (agent: string): string[] =>
  existsSync(box(agent)) ? readdirSync(box(agent)).filter((name) => name.endsWith('.json')) : []

/** Processes whose command line names this folder of runs. */
function trainers(agent: string): number[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1')
      return /^\d+$/.test(pid) && line.includes(join(hub.home, 'runs', agent)) ? [Number(pid)] : []
    } catch {
      return []
    }
  })
}

test('kill -9 between result and hub: the next life sends it first, the ledger takes it once, the queue is done with it', async () => {
  await hub.plan(hub.experiment(1))
  const agent = hub.agent('a1')
  await until('training', () => hub.beats.some((b) => b.experiment === 'e0001' && b.phase === 'train'))
  const server = hub.server.pid as number
  process.kill(server, 'SIGSTOP')
  try {
    await until('the result is on disk', () => held('a1').length === 1)
    agent.kill('SIGKILL')
    assert.equal(await agent.ended, 'SIGKILL')
  } finally {
    process.kill(server, 'SIGCONT')
  }
  assert.equal(hub.results.length, 0)

  const again = hub.agent('a1')
  const result = await hub.result('e0001')
  assert.equal(result.outcome, 'measured')
  await hub.plan(hub.experiment(2))
  await hub.result('e0002')
  again.kill('SIGTERM')
  assert.equal(await again.ended, 0)
  assert.deepEqual(
    hub.results.map((r) => `${r.experiment} ${r.fence}`),
    ['e0001 1', 'e0002 1'],
  )
  assert.deepEqual(held('a1'), [])
  assert.equal((await (await hub.bus.manager()).streams.info('WORK')).state.messages, 0)
})

test('kill -9 in the middle of a run leaves no trainer behind, a stubborn one with a setsid child included', async () => {
  await hub.plan(given(hub, 3, await faultDiff(hub.checkout, 'stubborn')))
  const agent = hub.agent('a2')
  await until('two processes of the run', () => trainers('a2').length >= 2 && stubborn('a2') !== undefined)
  const child = stubborn('a2') as number
  agent.kill('SIGKILL')
  await agent.ended
  // Where the machine allows no jail, the next life finds what a process group did not hold.
  if ((await jail()).length === 0) hub.agent('a2')
  await until('no process of the run', () => trainers('a2').length === 0 && !existsSync(`/proc/${child}`), 5_000)
})

/** The setsid child of the fault `stubborn`, as a process of this machine: its own file holds a number of its namespace. */
function stubborn(agent: string): number | undefined {
  return trainers(agent).find((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('stubborn.pid')
    } catch {
      return false
    }
  })
}
