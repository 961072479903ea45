// swarm doctor on machines with and without GPUs: what the network will be trained on, why, and what to install.
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import type { Check } from '@swarm/coordinator/cli/doctor/checks'
import { gpus } from '@swarm/coordinator/cli/doctor/gpus'
import { type Checkout, makeCheckout } from '../support/checkout.ts'
import { makeGpus } from '../support/gpus.ts'

const root = mkdtempSync(join(tmpdir(), 'swarm-doctor-gpus-'))
const { PATH, NVCC, LD_LIBRARY_PATH } = process.env
/** The system's own programs and node, without this machine's nvcc and nvidia-smi. */
const plain = join(root, 'plain')
type Place = Pick<Checkout, 'data'> & { checkout: string }
let cuda: Place
let cores: Place
before(async () => {
  const place = ({ dir, data }: Checkout): Place => ({ checkout: dir, data })
  cuda = place(await makeCheckout(join(root, 'cuda'), { backend: 'cuda' }))
  cores = place(await makeCheckout(join(root, 'cores')))
  script(join(folder(plain), 'node'), `exec ${process.execPath} "$@"`)
  script(join(plain, 'ldconfig'), 'echo "	libc.so.6 (libc6,x86-64) => /lib/libc.so.6"')
})
afterEach(() => {
  for (const [name, value] of Object.entries({ PATH, NVCC, LD_LIBRARY_PATH }))
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
})
after(() => rmSync(root, { recursive: true, force: true }))

function script(file: string, text: string): void {
  writeFileSync(file, `#!/bin/sh\n${text}\n`)
  chmodSync(file, 0o755)
}
function folder(dir: string): string {
  mkdirSync(dir, { recursive: true })
  return dir
}

/** A machine: how many GPUs answer (undefined: no nvidia-smi), the release of nvcc, whether the driver's library lies there. */
function machine(name: string, has: { gpus?: number; nvcc?: string; library?: boolean }): void {
  const dir = folder(join(root, name))
  process.env.NVCC = '' // as for make: none, whatever is on the PATH
  process.env.PATH = plain
  if (has.gpus !== undefined) {
    makeGpus(dir, has.gpus)
    process.env.PATH = `${join(dir, 'bin')}:${plain}:/usr/bin:/bin`
  }
  if (has.nvcc !== undefined) {
    process.env.NVCC = join(dir, 'nvcc')
    script(process.env.NVCC, `echo 'Cuda compilation tools, release ${has.nvcc}, V${has.nvcc}.48'`)
  }
  if (has.library !== false) writeFileSync(join(folder(join(dir, 'lib')), 'libcuda.so.1'), '')
  process.env.LD_LIBRARY_PATH = join(dir, 'lib')
}

function first(found: readonly Check[]): Check {
  for (const check of found) assert.equal(check.ok, check.fix === undefined, check.name)
  return found[0] ?? assert.fail('no check')
}

test('no nvidia-smi: cores, and nothing is wrong', async () => {
  machine('bare', {})
  const found = await gpus(cores)
  assert.deepEqual(
    found.map(({ name, ok }) => [name, ok]),
    [['backend', true]],
  )
  assert.match(first(found).found, /^cpu: there is no nvidia-smi.*trains on the cores$/)
})

test('nvidia-smi without a device: its own words, and where to look', async () => {
  machine('no-device', { gpus: 0, nvcc: '13.0' })
  const { ok, found, fix } = first(await gpus(cuda))
  assert.equal(ok, false)
  assert.match(found, /names no GPU \(“No devices were found”\): the network trains on the cores/)
  assert.match(fix ?? '', /is the driver loaded, was the container started with its GPUs\?/)
})

test('a driver and no CUDA compiler: which one to install', async () => {
  machine('no-nvcc', { gpus: 2 })
  const found = await gpus(cuda)
  assert.deepEqual(
    found.map(({ name, ok }) => [name, ok]),
    [
      ['backend', false],
      ['gpu 0', true],
      ['gpu 1', true],
    ],
  )
  assert.match(first(found).found, /^cpu: 2 GPUs, but no CUDA compiler \(nvcc\)/)
  assert.match(first(found).fix ?? '', /install the CUDA toolkit 13 or older .*NVCC=FILE\nthen: make -C /)
})

test('all is well: the trainer’s word, and each GPU with its lane', async () => {
  machine('well', { gpus: 2, nvcc: '13.0' })
  const found = await gpus(cuda)
  assert.deepEqual(
    found.map(({ found: words }) => words),
    [
      'cuda: 2 GPUs, nvcc 13.0, driver 580.95.05 with CUDA 13; the trainer takes them, a GPU an agent',
      'Fake H200, 143771 MiB, driver 580.95.05; lane gpu:0',
      'Fake H200, 143771 MiB, driver 580.95.05; lane gpu:1',
    ],
  )
})

test('all tools there, and still not CUDA: a compiler too new, a library missing, a trainer without', async () => {
  machine('too-new', { gpus: 1, nvcc: '14.1' })
  assert.match(first(await gpus(cuda)).found, /nvcc makes programs for CUDA 14 and driver 580.95.05 speaks CUDA 13/)
  machine('no-library', { gpus: 1, nvcc: '13.0', library: false })
  assert.match(first(await gpus(cuda)).found, /the driver's library libcuda.so.1 is not found/)
  machine('old-trainer', { gpus: 1, nvcc: '12.8' })
  const { found, fix } = first(await gpus(cores))
  assert.match(found, /^cpu: 1 GPU, .*but the trainer computes on cpu \(“--backend auto: this trainer has no CUDA”\)/)
  assert.match(fix ?? '', /make -C .* clean all/)
})
