// The agent as a process when things go wrong: killed, left alone, refused, without a hub.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { claimNext } from '@swarm/agent/claim'
import { faultDiff } from '../support/checkout.ts'
import { given, type Hub, openHub } from './hub.ts'

let hub: Hub
before(async () => {
  hub = await openHub({ seconds: 0.5 })
})
after(() => hub.close())

const wait = (ms: number): Promise<void> => new Promise((r) => setTimeout(r, ms))
const ROOT = new URL('../..', import.meta.url).pathname
const agentArgs = ['--import', 'tsx', 'agent/src/main.ts']

/** Live processes whose command line holds a folder of this test's runs or caches. */
function trainers(): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')
        return line.includes(`${hub.home}/cache`) || line.includes(`${hub.home}/runs`) ? [`${pid} ${line}`] : []
      } catch {
        return []
      }
    })
}

async function until(what: string, holds: () => boolean, ms = 60_000): Promise<void> {
  for (const deadline = Date.now() + ms; !holds(); await wait(20))
    if (Date.now() > deadline) assert.fail(`not in ${ms} ms: ${what}`)
}

test('kill -9 in the middle of everything: each result once, nothing lost, no trainer left behind', async () => {
  const wanted = [1, 2, 3, 4, 5, 6]
  for (const n of wanted) await hub.plan(hub.experiment(n))
  // A killed agent's claims come back after the lease of a minute; the test gives them back at once.
  const kills = [300, 900, 1_500]
  for (const ms of kills) {
    const agent = hub.agent('a1')
    await until('the agent has claimed', () => hub.beats.some((b) => b.agent === 'a1' && b.experiment !== undefined))
    await wait(ms)
    agent.kill('SIGKILL')
    await agent.ended
    await until('its trainers are gone with it', () => trainers().length === 0, 3_000)
    await hub.expireLeases()
    hub.beats.length = 0
  }
  const last = hub.agent('a1')
  for (const n of wanted) await hub.result(`e000${n}`)
  const ids = hub.results.map((r) => r.experiment)
  const recorded = new Set(ids)
  assert.equal(recorded.size, wanted.length)
  for (const n of wanted) {
    const scores = new Set(hub.results.filter((r) => r.experiment === `e000${n}`).map((r) => r.measurement?.valBpb))
    assert.equal(scores.size, 1, 'a run done twice comes to the same')
  }
  assert.ok(
    hub.results.some((r) => r.fence > 1),
    'something was handed out again',
  )
  last.kill('SIGTERM')
  assert.equal(await last.ended, 0)
  assert.deepEqual(readdirSync(join(hub.home, 'outbox/a1')), [])
})

test('SIGTERM while a trainer hangs, deaf to SIGTERM, with a setsid child: gone in 5 s, the work given back', async () => {
  await hub.plan(given(hub, 21, await faultDiff(hub.checkout, 'stubborn')))
  const agent = hub.agent('a2')
  await until('it trains', () => hub.beats.some((b) => b.agent === 'a2' && b.phase === 'train'))
  await wait(500)
  assert.ok(trainers().length > 0)
  const began = Date.now()
  agent.kill('SIGTERM')
  assert.equal(await agent.ended, 0)
  assert.ok(Date.now() - began < 5_000)
  await until('nothing is left', () => trainers().length === 0, 1_000)
  assert.ok(!hub.results.some((r) => r.experiment === 'e0021'), 'a stopped run has no result')
  await wait(600)
  const again = await claimNext(hub.bus, 'a2')
  assert.equal(again?.experiment.id, 'e0021')
  assert.ok((again?.fence ?? 0) > 1)
  again?.end()
})

test('an agent goes when its parent goes', async () => {
  const args = ['--url', hub.server.agentUrl, '--home', hub.home, '--checkout', hub.checkout.dir, '--name', 'a3']
  const command = [process.execPath, ...agentArgs, ...args].join(' ')
  const parent = spawn('sh', ['-c', `${command} & echo $!; wait`], { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] })
  let told = ''
  parent.stdout.on('data', (d: Buffer) => {
    told += d.toString()
  })
  await until('it has joined', () => told.includes('"joined":"a3"'))
  const pid = Number(/^\d+$/m.exec(told)?.[0])
  parent.kill('SIGKILL')
  await until('it has left', () => !existsSync(`/proc/${pid}`), 6_000)
  assert.ok(hub.asked.includes('leave: its parent is gone'))
})

test('no hub: exit 4; a wrong password, a wrong word and an unbuilt trainer say what to do', () => {
  const of = (...more: string[]): { status: number | null; stderr: string } =>
    spawnSync(
      process.execPath,
      [...agentArgs, '--home', hub.home, '--checkout', hub.checkout.dir, '--wait', '1', ...more],
      {
        encoding: 'utf8',
        timeout: 30_000,
        cwd: ROOT,
      },
    )
  const none = of('--url', 'nats://agent:x@127.0.0.1:1')
  assert.equal(none.status, 4, none.stderr)
  assert.match(none.stderr, /no swarm answers at 127\.0\.0\.1:1.*swarm up/)
  // The hub's own questions cannot be answered while this process waits for a child; none of these gets that far.
  const wrong = of('--url', hub.server.agentUrl.replace(/:[0-9a-f]+@/, ':wrong@'))
  assert.equal(wrong.status, 1, wrong.stderr)
  assert.match(wrong.stderr, /password.*swarm invite/)
  assert.equal(of('--url', hub.server.agentUrl, '--lane', 'moon:1').status, 2)
  const unbuilt = of('--url', hub.server.agentUrl, '--checkout', hub.dir)
  assert.equal(unbuilt.status, 2)
  assert.match(unbuilt.stderr, /not built.*make -C/)
})
