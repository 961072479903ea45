// kill -9 of every kind of process in the middle of one run, then of `swarm up` itself: the run goes on, nothing is lost, nothing
// is counted twice, best is where the ledger says.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { git } from '@swarm/shared/git'
import { Command, jsonLines, pause, processesOf, swarm } from '../cli/command.ts'
import { type Checkout, makeCheckout } from '../support/checkout.ts'

const dir = mkdtempSync(path.join(tmpdir(), 'swarm-faults-'))
let checkout: Checkout
before(async () => {
  checkout = await makeCheckout(dir, { seconds: 0.8 })
})
after(() => {
  for (const { pid } of processesOf(dir)) process.kill(pid, 'SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

const up = (home: string, experiments: number): Command =>
  new Command(undefined, [
    ...['up', '--plain', '--agents', '2', '--experiments', String(experiments), '--home', home],
    ...['--checkout', checkout.dir, '--data', checkout.data, '--program', path.join(checkout.dir, 'program.md')],
  ])

function pidOf(home: string, who: string): number {
  if (who === 'trainer')
    return (
      processesOf(home).find(
        ({ command }) => /^\S*node \S*\/train .*--out/.test(command) && !command.includes('preflight'),
      )?.pid ?? 0
    )
  const { children } = JSON.parse(readFileSync(path.join(home, 'swarm.json'), 'utf8')) as {
    children: { name: string; pid: number }[]
  }
  return children.find((c) => c.name === who)?.pid ?? 0
}

async function kill9(home: string, who: string): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end; await pause(20)) {
    const pid = pidOf(home, who)
    if (pid === 0) continue
    process.kill(pid, 'SIGKILL')
    return
  }
  const there = processesOf(home).map(({ command }) => command)
  throw new Error(`there was no ${who} to kill among\n${there.join('\n')}`)
}

interface Row {
  id: string
  outcome: string
  recordedAt?: string
  valBpb?: number
}
const ask = async (home: string, ...verb: string[]): Promise<string> =>
  (await swarm(undefined, [...verb, '--home', home])).stdout
const rows = async (home: string): Promise<Row[]> => jsonLines<Row>(await ask(home, 'board', '--json'))

async function everythingCountedOnce(home: string, atLeast: number): Promise<void> {
  const done = (await rows(home)).filter((r) => r.recordedAt !== undefined)
  assert.ok(done.length >= atLeast, `${done.length} experiments have a result`)
  assert.equal(new Set(done.map((r) => r.id)).size, done.length)
  const facts = jsonLines<{ seq: number; fact: { type: string } }>(await ask(home, 'log', '--json'))
  assert.equal(facts.filter(({ fact }) => fact.type === 'experiment-recorded').length, done.length)
  const best = JSON.parse(await ask(home, 'best', '--json')) as { commit: string; lineage: { valBpb?: number }[] }
  assert.equal(await git(path.join(home, 'hub.git'), ['rev-parse', 'best']), best.commit)
  const values = best.lineage.flatMap((b) => b.valBpb ?? [])
  assert.deepEqual(
    values,
    [...values].sort((a, b) => b - a),
    'the best only falls',
  )
  for (const end = Date.now() + 5_000; processesOf(home).length > 0 && Date.now() < end; ) await pause(50)
  assert.deepEqual(processesOf(home), [], 'nobody is left')
}

test('coordinator, agent, nats-server and trainer killed in one run', { timeout: 240_000 }, async () => {
  const home = path.join(dir, 'home')
  const run = up(home, 16)
  await run.says(/ screen /, 90_000)
  for (const who of ['trainer', 'coordinator', 'a2', 'nats-server', 'trainer']) {
    await kill9(home, who)
    await pause(1_500)
  }
  const { code, stdout, stderr } = await run.done
  assert.equal(code, 0, stdout + stderr)
  await everythingCountedOnce(home, 16)
  const crashed = (await rows(home)).filter((r) => r.outcome === 'run-failed')
  assert.ok(crashed.length >= 1, 'a killed trainer is an outcome of its own')
})

test('swarm up killed: its children die with it, and swarm up goes on where it was', { timeout: 240_000 }, async () => {
  const home = path.join(dir, 'second')
  const first = up(home, 10)
  await first.says(/ screen /, 90_000)
  process.kill(first.pid, 'SIGKILL')
  await first.done
  for (const end = Date.now() + 10_000; processesOf(home).length > 0 && Date.now() < end; ) await pause(50)
  assert.deepEqual(processesOf(home), [], 'its children died with it')
  const before = (await rows(home)).filter((r) => r.recordedAt !== undefined)
  assert.ok(before.length > 0)
  const second = await up(home, 10).done
  assert.equal(second.code, 0, second.stdout + second.stderr)
  await everythingCountedOnce(home, 10)
  const now = new Map((await rows(home)).map((r) => [r.id, r]))
  for (const row of before) assert.equal(now.get(row.id)?.valBpb, row.valBpb, `${row.id} is as it was`)
})
