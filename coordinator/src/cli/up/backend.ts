// What the trainer of a checkout computes with on this machine, in its own word: built and asked, since only it knows what it was made of.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { run } from '@swarm/shared/exec'
import type { Scale } from '@swarm/shared/scale'
import { deviceEnv, nvccEnv, scaleOfMake, trainerFlags } from '@swarm/shared/trainer'

export interface Computes {
  /** `cpu`, `cuda`; undefined where it cannot be built or asked. */
  backend: string | undefined
  /** Its last words when it was asked for CUDA and declined. */
  why?: string
}

/** Asked for CUDA first; a trainer that knows of none, or has no device, is then asked for what it does compute with. */
export async function backendOf(checkout: string, data: string, scale: Scale = 'cpu'): Promise<Computes> {
  const native = path.join(checkout, 'trainer-native')
  const out = mkdtempSync(path.join(tmpdir(), 'swarm-backend-'))
  try {
    const binary = path.join(out, 'train')
    const source = path.join(native, 'experiment', 'train.cu')
    const make = ['-C', native, 'trainer', `EXPERIMENT=${source}`, `OUT=${binary}`, ...scaleOfMake(scale)]
    await run('make', make, { timeoutMs: 600_000, env: nvccEnv() })
    return existsSync(binary) ? await computesWith(binary, data, scale) : { backend: undefined }
  } finally {
    rmSync(out, { recursive: true, force: true })
  }
}

/** The same of a trainer that is built already. */
export async function computesWith(binary: string, data: string, scale: Scale): Promise<Computes> {
  const out = mkdtempSync(path.join(tmpdir(), 'swarm-backend-'))
  try {
    const visible = process.env.CUDA_VISIBLE_DEVICES ?? '0'
    const ask = async (backend: 'cpu' | 'cuda'): Promise<{ word?: string | undefined; last: string }> => {
      const asked = ['--describe', '--data', data, '--seed', '1', '--budget', 'work:1s', '--out', out]
      const env = deviceEnv(backend === 'cuda' ? visible : '')
      const said = await run(binary, [...asked, ...trainerFlags({ scale, backend })], { timeoutMs: 60_000, env })
      const word = said.code === 0 ? /"backend":\s*"(\w+)"/.exec(said.stdout)?.[1] : undefined
      return { word, last: said.output.trim().split('\n').at(-1)?.slice(0, 300) ?? '' }
    }
    const cuda = await ask('cuda')
    if (cuda.word === 'cuda') return { backend: 'cuda' }
    const { word } = await ask('cpu')
    return { backend: word, ...(cuda.word === undefined && cuda.last !== '' ? { why: cuda.last } : {}) }
  } finally {
    rmSync(out, { recursive: true, force: true })
  }
}
