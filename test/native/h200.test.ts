// bench/h200.sh where there is no GPU: it rehearses, and no figure it did not measure ever reads like one.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { run } from '@swarm/shared/exec'
import { leave, pretendGpu, torchReport } from './pretended-gpu.ts'

const TRAINER = path.resolve(import.meta.dirname, '../../trainer-native')
const SCRIPT = path.join(TRAINER, 'bench/h200.sh')
const python = await run('python3', ['--version'], { timeoutMs: 60_000 }).catch(() => undefined)
const skip = python?.code === 0 ? false : 'NOT TESTED: there is no python3 here, which h200.sh needs'

function folder(t: { after: (done: () => void) => void }): string {
  const made = fs.mkdtempSync(path.join(os.tmpdir(), 'swarm-h200-'))
  t.after(() => fs.rmSync(made, { recursive: true, force: true }))
  return made
}
const script = (...args: string[]) => run('bash', [SCRIPT, ...args], { timeoutMs: 600_000 })
const read = (...at: string[]) => JSON.parse(fs.readFileSync(path.join(...at), 'utf8'))

test('a rehearsal builds, makes the text and ends with a table without a figure', {
  skip,
  timeout: 600_000,
}, async (t) => {
  const out = folder(t)
  const { code, stdout, output } = await script('--out', out, '--rehearse')
  assert.equal(code, 0, output.slice(-3_000))
  const bench = read(out, 'bench.json')
  assert.equal(bench.measured, false)
  assert.equal(bench.fasterThanReference, null)
  assert.deepEqual([bench.runs, bench.ratios, bench.rates], [{}, {}, []])
  const states = Object.fromEntries(
    Object.entries(bench.phases).map(([name, p]) => [name, (p as { state: string }).state]),
  )
  assert.equal(states.build, 'ok')
  assert.equal(states.text, 'ok')
  const gpuOnly = [
    'parity',
    'sanitizer',
    'rates',
    'step',
    'ours_a',
    'torch',
    'ours_b',
    'determinism',
    'torch_attention',
  ]
  for (const name of gpuOnly) assert.equal(states[name], 'unmeasured', name)
  assert.ok(fs.existsSync(path.join(out, 'train')))
  assert.match(stdout, /^REHEARSAL: nothing below was measured on a GPU/)
  const figures = stdout.split('\n').filter((line) => /^\| (tokens|MFU|step p50|set-up|peak|loss|val_bpb)/.test(line))
  assert.equal(figures.length, 7)
  for (const line of figures) assert.match(line, /^\|[^|]+(\| NOT MEASURED \(.*\) ){3}\|$/)
})

test('text made for the bench is a data set of at most 45 MB', { skip }, async (t) => {
  const out = folder(t)
  const made = await run('python3', [
    path.join(TRAINER, 'bench/gpu/make_text.py'),
    '--out',
    out,
    '--tokens',
    '60000',
    '--from',
    path.join(TRAINER, 'engine'),
    path.join(TRAINER, '../docs'),
  ])
  assert.equal(made.code, 0, made.output)
  const manifest = read(out, 'manifest.json')
  const header = fs.readFileSync(path.join(out, 'train-000.bin'))
  assert.equal(header.toString('latin1', 0, 8), 'SWRMTOK1')
  assert.equal(header.readUInt32LE(12), 8192)
  assert.equal(Number(header.readBigUInt64LE(16)), manifest.tokens.train)
  assert.equal(header.length, 64 + 2 * manifest.tokens.train)
  assert.equal(header.readUInt16LE(64), 8188, 'the first document starts with BOS')
  assert.ok(2 * 22_000_000 + 4 * 64 + 2 * 8192 <= 45e6)
})

test('wrong options are refused before anything runs', { skip }, async (t) => {
  const out = folder(t)
  fs.writeFileSync(path.join(out, 'here'), '')
  for (const [args, words] of [
    [[], '--out is missing'],
    [['--out'], '--out needs a value'],
    [['--out', out, '--fast'], 'unknown option --fast'],
    [['--out', path.join(out, 'new'), '--total', '9m'], 'whole seconds'],
    [['--out', out], 'is not empty'],
  ] as const) {
    const { code, output } = await script(...args)
    assert.equal(code, 2, output)
    assert.ok(output.includes(words), output)
  }
})

test('when no time is left, phases are failures with a reason, and the table still comes', {
  skip,
  timeout: 120_000,
}, async (t) => {
  const out = folder(t)
  const { code, stdout } = await script('--out', out, '--rehearse', '--total', '1')
  assert.equal(code, 1)
  const { phases } = read(out, 'bench.json')
  assert.equal(phases.torch.state, 'failed')
  assert.match(phases.torch.why, /no time was left of 1 s/)
  assert.match(stdout, /\| torch \| FAILED \|/)
})

async function table(out: string, states: Record<string, string>) {
  fs.writeFileSync(
    path.join(out, 'phases.tsv'),
    Object.entries(states)
      .map(([name, state]) => `${name}\t${state}\t9\t${state === 'ok' ? '' : 'it broke'}\n`)
      .join(''),
  )
  const made = await run('python3', [path.join(TRAINER, 'bench/gpu_table.py'), out, '0'])
  return { ...made, bench: read(out, 'bench.json') }
}

test('faster is said only above the estimate for FlashAttention 3, twice; a failed phase gives no number', {
  skip,
}, async (t) => {
  const out = folder(t)
  leave(out, 'ours_a', 1_200_000)
  leave(out, 'ours_b', 1_100_000)
  fs.writeFileSync(path.join(out, 'torch.json'), JSON.stringify(torchReport))
  const slow = await table(out, { ours_a: 'ok', torch: 'ok', ours_b: 'ok' })
  assert.equal(slow.code, 0, slow.output)
  assert.ok(Math.abs(slow.bench.ratios.ours_b.overTorchWithFa3 - 1.1 / 1.09) < 1e-9)
  assert.equal(slow.bench.fasterThanReference, false)

  fs.rmSync(path.join(out, 'ours_b'), { recursive: true })
  leave(out, 'ours_b', 1_150_000)
  assert.equal((await table(out, { ours_a: 'ok', torch: 'ok', ours_b: 'ok' })).bench.fasterThanReference, true)

  fs.writeFileSync(path.join(out, 'torch.json'), JSON.stringify({ ...torchReport, attention: 'flex' }))
  assert.equal(
    (await table(out, { ours_a: 'ok', torch: 'ok', ours_b: 'ok' })).bench.fasterThanReference,
    false,
    'flex is no FlashAttention 2: no estimate',
  )

  const broken = await table(out, { ours_a: 'ok', torch: 'failed', ours_b: 'ok' })
  assert.equal(broken.code, 1)
  assert.equal(broken.bench.fasterThanReference, null)
  assert.match(broken.stdout, /\| ours over PyTorch \| NOT MEASURED \| NOT MEASURED \|/)
  assert.match(broken.stdout, /\| tokens a second[^|]*\| 1,200,000 \| 1,150,000 \| NOT MEASURED \(it broke\) \|/)

  fs.writeFileSync(path.join(out, 'torch.json'), '{"half')
  assert.equal((await table(out, { ours_a: 'ok', torch: 'ok', ours_b: 'ok' })).bench.phases.torch.state, 'failed')
})

test('with a pretended GPU every phase runs, and what it says ends in the table', {
  skip,
  timeout: 300_000,
}, async (t) => {
  const home = folder(t)
  const out = path.join(home, 'out')
  const env = pretendGpu(home)
  const { code, output } = await run('bash', [SCRIPT, '--out', out], { env, timeoutMs: 280_000 })
  const bench = read(out, 'bench.json')
  const states = Object.entries(bench.phases).map(([name, p]) => `${name} ${(p as { state: string }).state}`)
  assert.equal(code, 0, output)
  assert.deepEqual(
    states.filter((s) => !s.endsWith(' ok') && !s.startsWith('names ')),
    [],
    output,
  )
  assert.equal(bench.measured, true)
  assert.equal(bench.fasterThanReference, true)
  assert.equal(bench.rates[0].rate, 123.4)
  assert.match(output, /attention, torch varlen \| NOT MEASURED \(no window\)/)
  assert.match(output, /ours over PyTorch \| 1\.200 \| 1\.200/)
})

test('two checkpoints of the same 20 steps are a failure', { skip, timeout: 300_000 }, async (t) => {
  const home = folder(t)
  const out = path.join(home, 'out')
  const { code } = await run('bash', [SCRIPT, '--out', out], { env: pretendGpu(home, 'date +%N'), timeoutMs: 280_000 })
  assert.equal(code, 1)
  assert.match(read(out, 'bench.json').phases.determinism.why, /two runs of 20 steps gave two checkpoints/)
})
