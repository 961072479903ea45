// A whole swarm on eight GPUs that are files: a device an agent, and one that hangs is given up while the others go on.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { Command, jsonLines, processesOf, swarm } from '../cli/command.ts'
import { type Checkout, makeCheckout } from '../support/checkout.ts'
import { type Gpus, makeGpus } from '../support/gpus.ts'

const dir = mkdtempSync(path.join(tmpdir(), 'swarm-gpus-'))
const home = path.join(dir, 'home')
let checkout: Checkout
let gpus: Gpus
before(async () => {
  checkout = await makeCheckout(dir, { seconds: 2, backend: 'cuda' })
  gpus = makeGpus(dir, 8)
})
after(() => {
  for (const { pid } of processesOf(dir)) process.kill(pid, 'SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

const up = (at: string, of: Checkout, ...more: string[]): Command =>
  new Command(
    undefined,
    [
      ...['up', '--plain', '--home', at, '--checkout', of.dir, '--data', of.data],
      ...['--program', path.join(of.dir, 'program.md'), ...more],
    ],
    { env: { PATH: gpus.path } },
  )
type Fact = { type: string; agent?: string; reason?: string; lane?: { gpu?: number }; machine?: { gpu?: string } }
const facts = async (): Promise<Fact[]> =>
  jsonLines<{ fact: Fact }>((await swarm(undefined, ['log', '--json', '--home', home])).stdout).map(({ fact }) => fact)

test('eight agents, a GPU each; the one that hangs is marked and its work done by others', {
  timeout: 600_000,
}, async () => {
  const run = up(home, checkout, '--agents', '8', '--lanes', 'gpu', '--experiments', '40')
  await run.says(/(agent +a\d joined: gpu[\s\S]*){8}/, 120_000)
  const joined = (await facts()).filter(({ type }) => type === 'agent-joined')
  assert.deepEqual(joined.map(({ lane }) => lane?.gpu).sort(), [0, 1, 2, 3, 4, 5, 6, 7])
  assert.ok(joined.every(({ machine }) => machine?.gpu === 'Fake H200, 143771 MiB, driver 580, CUDA 13'))
  gpus.hangs(3)
  await run.says(/a4 rests: gpu 3 is sick: no reading for 15 s/, 60_000)
  const { code, stdout, stderr } = await run.done
  assert.equal(code, 0, stdout + stderr)

  const left = (await facts()).filter(({ type, agent }) => type === 'agent-left' && agent === 'a4')
  assert.match(left[0]?.reason ?? '', /gpu 3 is sick/)
  assert.equal((await facts()).filter(({ type, agent }) => type === 'agent-joined' && agent === 'a4').length, 1)
  const rows = jsonLines<{ agent?: string; outcome: string; measurement?: { device?: string } }>(
    (await swarm(undefined, ['board', '--json', '--home', home])).stdout,
  )
  assert.ok(rows.length >= 40, `${rows.length} experiments`)
  for (const { agent, measurement } of rows)
    if (measurement !== undefined)
      assert.equal(measurement.device, `gpu ${Number(agent?.slice(1)) - 1}`, 'its own device')
  assert.ok(new Set(rows.map(({ agent }) => agent)).size >= 7)
  // The fake trainer ends with a failure where its device is another program's at the same time.
  assert.deepEqual(
    rows.filter(({ outcome }) => /run-failed|preflight-failed/.test(outcome)),
    [],
  )
})

test('asked for and not to be had: one sentence; auto says why it takes the cores', { timeout: 120_000 }, async () => {
  const onCores = await makeCheckout(path.join(dir, 'cores'))
  const refused = await up(path.join(dir, 'second'), onCores, '--agents', '1', '--lanes', 'gpu').done
  assert.equal(refused.code, 2, refused.stdout)
  assert.match(
    refused.stderr,
    /--lanes gpu: the trainer of this checkout computes on cpu, not on CUDA \(--backend auto: this trainer has no CUDA\); --lanes cpu/,
  )
  const many = await up(path.join(dir, 'third'), checkout, '--agents', '9', '--lanes', 'gpu').done
  assert.equal(many.code, 2)
  assert.match(many.stderr, /--agents 9: there are 8 GPUs, and each agent needs its own/)
  const auto = await up(path.join(dir, 'fourth'), onCores, '--agents', '1', '--experiments', '1').done
  assert.equal(auto.code, 0, auto.stderr)
  assert.match(auto.stdout, /8 GPUs here, but the trainer of this checkout computes on cpu.*training on the cores/)
})

test('a GPU whose trainers fail: the outage is told, the work done by another, the lane given up; at the scale of a GPU', {
  timeout: 240_000,
}, async () => {
  const at = path.join(dir, 'fifth')
  gpus.isBroken(2)
  const run = up(at, checkout, '--agents', '3', '--scale', 'gpu', '--budget', 'wall:2s', '--experiments', '8')
  await run.says(/a3 rests: gpu 2 is sick: device 2: an uncorrectable ECC error/, 120_000)
  const { code, stdout, stderr } = await run.done
  assert.equal(code, 0, stdout + stderr)
  const rows = jsonLines<{ agent?: string; outcome: string; cause?: string; kind: string; measurement?: object }>(
    (await swarm(undefined, ['board', '--json', '--home', at])).stdout,
  )
  const outages = rows.filter(({ outcome }) => outcome === 'infra-failed')
  assert.deepEqual([...new Set(outages.map(({ agent }) => agent))], ['a3'])
  assert.ok(outages.length >= 1 && outages.length <= 2, `${outages.length} outages`)
  assert.ok(rows.filter(({ measurement }) => measurement !== undefined).length >= 7)
  const adopted = (await swarm(undefined, ['log', '--json', '--home', at])).stdout
  assert.match(adopted, /"scale":"gpu"/)
})
