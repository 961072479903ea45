// Build, run and verify, each with the programs it runs: cache, exit codes, time limits, what outlives a trainer, what is suspected.
import assert from 'node:assert/strict'
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { build } from '@swarm/agent/build'
import { type Ending, isEnding } from '@swarm/agent/ending'
import { bellMs, preflight, type Run, timeLimitMs, train } from '@swarm/agent/run'
import { jail, sweep } from '@swarm/agent/sandbox'
import { verify } from '@swarm/agent/verify'
import { cleanEnv } from '@swarm/shared/exec'
import type { Scale } from '@swarm/shared/scale'
import { deviceEnv } from '@swarm/shared/trainer'
import { wallsOf } from '@swarm/shared/walls'
import { type Bench, EDITABLE, openBench } from './bench.ts'

const BUDGET = 'work:1s'
const signal = new AbortController().signal
let bench: Bench
before(async () => {
  bench = await openBench({ seconds: 0.1 })
  mkdirSync(bench.workshop.cache)
})
after(() => bench.close())

/** The trainer of the fake recipe with one text replaced. */
async function built(from = '', to = '', scale: Scale = 'cpu'): Promise<string | Ending> {
  const tree = await bench.worktrees.at('a', bench.checkout.head)
  const file = join(tree.dir, EDITABLE, 'train.cu')
  writeFileSync(file, readFileSync(file, 'utf8').replace(from, to))
  return build({ tree, program: { editable: EDITABLE, scale }, workshop: bench.workshop, signal })
}

let count = 0
async function runOf(fault: string, more: Partial<Run> = {}): Promise<Run> {
  const binary = await built('FAULT[] = "none"', `FAULT[] = "${fault}"`)
  if (isEnding(binary)) throw new Error(binary.cause)
  const dir = join(bench.dir, 'runs', `${fault}-${count++}`)
  const own = { mark: `${bench.dir} ${count}`, see: () => {}, env: {}, workers: 1, prefix: await jail() }
  return {
    binary,
    data: bench.checkout.data,
    seed: 1,
    budget: BUDGET,
    scale: 'cpu',
    backend: 'cpu',
    dir: join(dir, 'train'),
    signal,
    ...own,
    ...more,
  }
}

const judged = async (run: Run, more: { seed?: number; frozen?: string; budget?: string } = {}): Promise<Ending> =>
  verify({
    judge: join(bench.workshop.trainer, 'build/judge'),
    binary: run.binary,
    data: bench.checkout.data,
    runDir: run.dir,
    judgeDir: join(run.dir, '../judge'),
    asked: {
      ...{ seed: 1, budget: BUDGET, scale: run.scale, backend: run.backend },
      ...{ frozen: bench.checkout.frozen, manifest: bench.checkout.manifest, ...more },
    },
    prefix: [],
    env: run.env,
    walls: await wallsOf(bench.workshop.trainer),
    signal,
  })

test('the same source is compiled once; another source, compiler or frozen part is another binary', async () => {
  const first = await built()
  assert.ok(!isEnding(first))
  writeFileSync(first, 'marked') // a second build would write it again
  assert.equal(await built(), first)
  assert.equal(readFileSync(first, 'utf8'), 'marked')
  rmSync(join(first, '..'), { recursive: true })
  assert.notEqual(await built('0.08f', '0.07f'), first)
  assert.notEqual(await built('', '', 'gpu'), first)
  const tree = await bench.worktrees.at('a', bench.checkout.head)
  const workshop = { ...bench.workshop, compiler: 'another 1.0' }
  assert.notEqual(await build({ tree, program: { editable: EDITABLE, scale: 'cpu' }, workshop, signal }), first)
})

test('a compiler error is the idea’s, with the compiler’s words and no path of this machine', async () => {
  const ending = await built('FAULT[] = "none"', 'FAULT[] = "build"')
  assert.ok(isEnding(ending) && ending.outcome === 'build-failed')
  assert.match(ending.cause ?? '', /^trainer-native\/experiment\/train\.cu:1:1: error: expected/)
  assert.ok((ending.log ?? '').length > 0 && !(ending.log ?? '').includes(bench.dir), ending.log)
})

test('frozen sources that are not the base’s are infrastructure, in both directions', async () => {
  const changed = join(bench.workshop.trainer, 'engine/engine.h')
  const before = readFileSync(changed)
  appendFileSync(changed, '// changed\n')
  const one = await built()
  writeFileSync(changed, before)
  const extra = join(bench.workshop.trainer, 'judge/extra.h')
  writeFileSync(extra, '')
  const two = await built()
  rmSync(extra)
  for (const ending of [one, two])
    assert.ok(isEnding(ending) && ending.outcome === 'infra-failed', JSON.stringify(ending))
  assert.match((one as Ending).cause ?? '', /engine\/engine\.h of the base differs from this checkout.*[Cc]heck out/)
  assert.match((two as Ending).cause ?? '', /judge\/extra\.h/)
})

test('a good run is measured and deterministic; its progress is seen', async () => {
  const steps: number[] = []
  const run = await runOf('none', { see: ({ step }) => void steps.push(step) })
  const pace = await preflight(run)
  assert.ok(!isEnding(pace) && pace.tokensPerStep === 1000 && pace.secondsPerStep > 0)
  steps.length = 0
  assert.equal(await train(run, 20_000), undefined)
  assert.deepEqual(steps, [20, 40, 60, 80, 100])
  const one = await judged(run)
  const other = await runOf('none')
  await train(other, 20_000)
  const two = await judged(other)
  assert.equal(one.outcome, 'measured', one.cause)
  assert.equal(one.measurement?.valBpb, two.measurement?.valBpb)
})

test('a network with an op of its own is judged with the code that trained, and its score is marked as probed', async () => {
  const run = await runOf('own-op')
  await train(run, 20_000)
  const own = await judged(run)
  assert.equal(own.outcome, 'measured', own.cause)
  assert.deepEqual([own.measurement?.trust, own.measurement?.customOps], ['probed', ['own']])
  const without = await judged({ ...run, binary: join(bench.dir, 'nowhere') })
  assert.match(without.cause ?? '', /refuses the checkpoint: nothing can be scored without running that code/)
  const plain = await runOf('none')
  await train(plain, 20_000)
  const { measurement } = await judged(plain)
  assert.deepEqual([measurement?.trust, measurement?.customOps], ['proved', undefined])
})

for (const [fault, outcome, words] of [
  ['refuse', 'preflight-failed', /not causal at node 7/],
  ['diverge', 'diverged', /loss is nan/],
  ['crash', 'run-failed', /killed by signal 11|SIGSEGV/],
] as const)
  test(`${fault} is ${outcome}`, async () => {
    const ending = await train(await runOf(fault), 20_000)
    assert.equal(ending?.outcome, outcome, ending?.cause)
    assert.match(ending?.cause ?? '', words)
  })

test('what fails in the first steps is a failed preflight; missing data is infrastructure', async () => {
  const ending = await preflight(await runOf('preflight'))
  assert.ok(isEnding(ending) && ending.outcome === 'preflight-failed')
  assert.match(ending.cause ?? '', /out of luck/)
  const lost = await preflight(await runOf('none', { data: join(bench.dir, 'nowhere') }))
  assert.ok(isEnding(lost) && lost.outcome === 'infra-failed')
})

const alive = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

for (const prison of ['jail', 'group'] as const)
  test(`past its time limit a trainer is gone with all it started, SIGTERM-proof and setsid or not (${prison})`, async () => {
    const run = await runOf('stubborn', prison === 'group' ? { prefix: [] } : {})
    const began = Date.now()
    const ending = await train(run, 1_500)
    assert.equal(ending?.outcome, 'timed-out')
    assert.ok(Date.now() - began < 5_000)
    const told = join(run.dir, '../stubborn.pid')
    assert.ok(existsSync(told), 'the child had started')
    await new Promise((r) => setTimeout(r, 300)) // a killed process takes a moment to be gone
    if (prison === 'group') assert.ok(!alive(Number(readFileSync(told, 'utf8'))))
    assert.equal(sweep(run.mark), 0, 'nothing with this mark is left')
  })

test('at the bell a trainer is frozen: a checkpoint that is there counts, none is timed out', async () => {
  const none = await runOf('hang', { budget: 'wall:1s' })
  const ending = await train(none, 60_000, 1_500)
  assert.equal(ending?.outcome, 'timed-out')
  assert.match(ending?.cause ?? '', /the bell of wall:1s rang after 1\.5 s/)

  const lingers = await runOf('linger', { budget: 'wall:1s' })
  assert.equal(await train(lingers, 60_000, 10_000), undefined)
  assert.equal((await judged(lingers, { budget: 'wall:1s' })).outcome, 'measured')
})

test('the sweep finds a child that left the group, and nothing of others', async () => {
  const { spawn } = await import('node:child_process')
  const env = { ...cleanEnv(), SWARM_RUN: `${bench.dir} sweep` }
  const mine = spawn('setsid', ['sleep', '60'], { env, stdio: 'ignore', detached: true })
  const others = spawn('sleep', ['60'], { env: { ...env, SWARM_RUN: `${bench.dir} sweep2` }, stdio: 'ignore' })
  const gone = new Promise((done) => mine.on('exit', done))
  await new Promise((r) => setTimeout(r, 200))
  assert.ok(sweep(`${bench.dir} sweep`) >= 1)
  await gone
  assert.equal(others.exitCode, null)
  others.kill('SIGKILL')
})

for (const [fault, words] of [
  ['symlink', /report\.json is a link/],
  ['huge', /report\.json has \d+ bytes/],
  ['forge', /judge refuses the checkpoint: .*changed harness/],
  ['reseed', /seed: found 2, expected 1/],
  ['nan', /not finite/],
] as const)
  test(`${fault} is suspected, never measured`, async () => {
    const run = await runOf(fault)
    assert.equal(await train(run, 20_000), undefined)
    const ending = await judged(run)
    assert.equal(ending.outcome, 'cheat-suspected', ending.cause)
    assert.match(ending.cause ?? '', words)
    assert.equal(ending.measurement, undefined)
  })

test('a cut short, swapped or linked checkpoint is suspected; other frozen sources and budgets too', async () => {
  const short = await runOf('none')
  await preflight(short)
  assert.match((await judged(short)).cause ?? '', /cut short/)

  const run = await runOf('none')
  await train(run, 20_000)
  assert.match((await judged(run, { frozen: 'a'.repeat(64) })).cause ?? '', /frozen sources/)
  assert.match((await judged(run, { budget: 'work:2s' })).cause ?? '', /budget/)
  const checkpoint = join(run.dir, 'checkpoint.bin')
  const bytes = readFileSync(checkpoint)
  writeFileSync(checkpoint, bytes.toString().replace('"MUON_LR":"0.08"', '"MUON_LR":"0.03"'))
  assert.match((await judged(run)).cause ?? '', /reported checkpoint/)
  rmSync(checkpoint)
  symlinkSync('/etc/hostname', checkpoint)
  const ending = await judged(run)
  assert.equal(ending.outcome, 'cheat-suspected')
  assert.match(ending.cause ?? '', /not a regular file/)
})

test('time limits follow the budget', () => {
  const pace = { secondsPerStep: 0.1, tokensPerStep: 1000, seconds: 3 }
  assert.equal(timeLimitMs('work:20s', 8, pace), 190_000)
  assert.equal(timeLimitMs('cpu:1m', 2, pace), 150_000)
  assert.equal(timeLimitMs('wall:300s', 8, pace), 510_000)
  assert.equal(timeLimitMs('tokens:200k', 8, pace), 190_000)
  assert.equal(bellMs('wall:5m', pace), 305_000)
  assert.equal(bellMs('wall:20s', { ...pace, seconds: 500 }), 82_000) // a slow preflight buys a minute at most
  assert.equal(bellMs('work:20s', pace), undefined)
  assert.equal(bellMs('cpu:20s', pace), undefined)
})

test('scale and backend: said where they are not the usual ones, and the report has to agree', async () => {
  const cuda = { backend: 'cuda', env: deviceEnv('3') } as const
  const binary = await built(
    'constexpr float SECONDS',
    'constexpr char BACKEND[] = "cuda";\nconstexpr float SECONDS',
    'gpu',
  )
  assert.ok(!isEnding(binary))
  const run = await runOf('none', { binary, scale: 'gpu', ...cuda })
  const pace = await preflight(run)
  assert.ok(!isEnding(pace), JSON.stringify(pace))
  assert.equal(await train(run, 20_000), undefined)
  const ending = await judged(run)
  assert.equal(ending.outcome, 'measured', ending.cause)
  assert.equal(ending.measurement?.device, 'gpu 3')
  const as = async (more: Partial<Run>): Promise<string | undefined> => (await judged({ ...run, ...more })).cause
  assert.match((await as({ scale: 'cpu' })) ?? '', /the report’s scale: found gpu, expected cpu/)
  assert.match((await as({ backend: 'cpu' })) ?? '', /the report’s backend: found cuda, expected cpu/)
  // Built for one scale it is not run at another.
  assert.equal((await train({ ...run, scale: 'cpu' }, 20_000))?.outcome, 'infra-failed')
})

test('exit code 7 is the device’s failure, of trainer and judge, and never the idea’s', async () => {
  const gone = { backend: 'cuda', env: deviceEnv('') } as const // cuda, and no device to be seen
  const binary = await built('constexpr float SECONDS', 'constexpr char BACKEND[] = "cuda";\nconstexpr float SECONDS')
  assert.ok(!isEnding(binary))
  const run = await runOf('none', { binary, ...gone })
  const tried = await preflight(run)
  const failed = { outcome: 'infra-failed', cause: 'no CUDA device is visible', deviceFailed: true }
  assert.ok(isEnding(tried))
  assert.deepEqual({ ...tried, log: undefined }, { ...failed, log: undefined })
  const env = deviceEnv('0')
  assert.equal(await train({ ...run, env }, 20_000), undefined)
  const verdict = await judged(run)
  assert.deepEqual([verdict.outcome, verdict.deviceFailed], ['infra-failed', true])
})
