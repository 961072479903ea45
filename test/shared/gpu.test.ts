// GPUs as nvidia-smi tells of them: its lines, a stream that falls silent, a card that is lost, a wait for one that is free.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { gpuClass, GpuWatch, listGpus, readGpu } from '@swarm/shared/gpu'
import { type Gpus, makeGpus } from '../support/gpus.ts'

const dir = mkdtempSync(join(tmpdir(), 'swarm-gpu-'))
const path = process.env.PATH
let gpus: Gpus
before(() => {
  gpus = makeGpus(dir, 3)
  process.env.PATH = gpus.path
})
after(() => {
  process.env.PATH = path
  rmSync(dir, { recursive: true, force: true })
})

async function until(what: string, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; !holds(); await new Promise((r) => setTimeout(r, 50)))
    if (Date.now() > end) throw new Error(`never: ${what}`)
}

test('a line of the query; what a card keeps to itself is absent; words are no GPU', () => {
  assert.deepEqual(readGpu('3, NVIDIA H200, 143771, 40960, 97, 612.34, 64, 580.95.05'), {
    index: 3,
    name: 'NVIDIA H200',
    memory: 143771,
    used: 40960,
    busy: 97,
    watts: 612.34,
    celsius: 64,
    driver: '580.95.05',
  })
  const shy = readGpu('0, Tesla, 16000, 12, [N/A], [Not Supported], 30, 535.1')
  assert.deepEqual([shy?.used, shy?.busy, shy?.watts, shy?.celsius], [12, undefined, undefined, 30])
  for (const words of ['', 'No devices were found', 'Unable to determine the device handle for GPU0: x', '1, 2, 3'])
    assert.equal(readGpu(words), undefined)
})

test('all GPUs, and the class their scores are comparable in', async () => {
  const all = await listGpus()
  assert.deepEqual(
    all.map(({ index, watts }) => [index, watts]),
    [
      [0, 75],
      [1, 76],
      [2, 77],
    ],
  )
  assert.equal(await gpuClass(all[0] as (typeof all)[number]), 'Fake H200, 143771 MiB, driver 580, CUDA 13')
})

test('a stream of readings; a GPU that is held is waited for, not for ever; one that hangs is sick, and said once', async () => {
  const why: string[] = []
  const watch = new GpuWatch(1, (reason) => why.push(reason), 3_000)
  try {
    await until('a reading', () => watch.use !== undefined)
    assert.deepEqual(watch.use, { used: 4, busy: 0, watts: 76, celsius: 30 })
    const never = new AbortController().signal
    assert.equal(await watch.empty(1024, 15_000, never), true)
    gpus.does(1, 90_000, 99, 640, 70)
    await until('it is busy', () => watch.use?.busy === 99)
    assert.equal(await watch.empty(1024, 1_500, never), false)
    const waiting = watch.empty(1024, 15_000, never)
    gpus.does(1, 5, 0, 80, 40)
    assert.equal(await waiting, true)
    assert.deepEqual(why, [])
    gpus.hangs(1)
    await until('it is sick', () => why.length > 0)
    assert.deepEqual(why, ['gpu 1 is sick: no reading for 3 s'])
  } finally {
    watch.stop()
  }
  assert.equal(why.length, 1)
})

test('a GPU that is lost is sick at once, in the words of nvidia-smi', async () => {
  const why: string[] = []
  gpus.isLost(2)
  const watch = new GpuWatch(2, (reason) => why.push(reason))
  await until('it is sick', () => why.length > 0)
  watch.stop()
  assert.match(why[0] ?? '', /^gpu 2 is sick: Unable to determine the device handle for GPU2: GPU is lost/)
})
