// The benchmark's command line and the arithmetic of its table. What it measures is no test: machines differ.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Bench, table } from '../../scripts/bench/table.ts'

const checkout = fileURLToPath(new URL('../../', import.meta.url))
const bench = (...args: string[]) =>
  spawnSync(process.execPath, ['--import', 'tsx', join(checkout, 'scripts', 'bench', 'trainer.ts'), ...args], {
    cwd: checkout,
    encoding: 'utf8',
    timeout: 60_000,
  })

test('--help says what is measured and how, and measures nothing', () => {
  const { status, stdout } = bench('--help')
  assert.equal(status, 0)
  for (const word of ['--json', '--rounds', 'OpenBLAS', 'PyTorch', 'SWARM_PYTHON'])
    assert.ok(stdout.includes(word), word)
})

test('an unknown option or a number that is none ends with 2 and the usage', () => {
  for (const wrong of [['--fast'], ['--rounds', 'three'], ['--T', '0']]) {
    const { status, stderr } = bench(...wrong)
    assert.equal(status, 2, stderr)
    assert.match(stderr, /npm run bench:trainer/)
  }
})

const step = (workers: number, wallSeconds: number, processorSeconds: number) => {
  const rows = [
    { name: 'linear', ops: 3, seconds: 0.06, flops: 6e9, chargedSeconds: 0.06 },
    { name: 'row ops', ops: 5, seconds: 0.04, flops: 0.4e9, chargedSeconds: 0.02 },
    { name: 'whole step', ops: 8, seconds: 0.1, flops: 6.4e9, chargedSeconds: 0.08 },
  ]
  return {
    isa: 'avx2',
    workers,
    tokensPerStep: 1000,
    parameters: 7,
    wallSeconds,
    processorSeconds,
    ops: [],
    families: rows,
  }
}
const measured: Bench = {
  machine: { cpu: 'a processor', cores: 2, loadBefore: 0.1 },
  scale: { T: 100, tokensPerStep: 1000, rounds: 3 },
  steps: [step(1, 0.1, 0.1), step(2, 0.06, 0.11)],
  ceilings: [
    { name: 'fma peak', detail: 'avx2', workers: 1, gflops: 128 },
    { name: 'fma peak', detail: 'avx2', workers: 2, gflops: 256 },
    { name: 'own gemm', detail: 'avx2', workers: 1, gflops: 80 },
    { name: 'other sgemm', detail: '', workers: 1, gflops: 100 },
  ],
  torch: [{ torch: '2.0', mode: 'eager', threads: 2, parameters: 7, wallSeconds: 0.15, processorSeconds: 0.33 }],
  missing: ['PyTorch compiled: why'],
}

test('the table holds shares of the peak, the best GEMM of all, and the ratios', () => {
  const lines = table(measured).split('\n')
  const cells = (start: string) =>
    lines
      .find((l) => l.startsWith(start))
      ?.slice(start.length)
      .trim()
      .split(/\s+/)
  assert.deepEqual(cells('linear'), ['60.00', '100.0', '78%', '60%', '100%'])
  assert.deepEqual(cells('ours, 2 worker(s)'), ['60.0', '18182', '16667', '116.4'])
  assert.deepEqual(cells('whole step / best GEMM of any library, 1 core'), ['64%'])
  assert.deepEqual(cells('ours / PyTorch eager, 2 core(s), by the clock'), ['2.50x'])
  assert.deepEqual(cells('ours / PyTorch eager, 2 core(s), by processor time'), ['3.00x'])
  assert.deepEqual(cells('2 workers / 1 worker, by the clock'), ['1.67x'])
})

test('at the goal shape, and at no other, each goal stands beside what it asks of this machine and what was reached', () => {
  const lines = table({ ...measured, scale: { T: 256, tokensPerStep: 4096, rounds: 3 } }).split('\n')
  assert.ok(lines.some((l) => /^26000 tok\/s on 1 core\(s\), reached by the clock +158%$/.test(l)))
  assert.ok(lines.some((l) => /^48000 tok\/s on 2 core\(s\), reached by the clock +142%$/.test(l)))
  assert.ok(lines.some((l) => /^48000 tok\/s on 2 core\(s\), of FMA peak here +29%$/.test(l)))
  assert.doesNotMatch(table(measured), /000 tok\/s/)
})

test('a missing row is said aloud, and a machine that gave its time to others', () => {
  assert.match(table(measured), /MISSING ROW {2}PyTorch compiled: why/)
  assert.doesNotMatch(table(measured), /BUSY/)
  assert.match(
    table({ ...measured, steps: [step(1, 0.2, 0.1), step(2, 0.06, 0.11)] }),
    /THE MACHINE WAS BUSY \(one worker ran 50% of the time\)/,
  )
})
