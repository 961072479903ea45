// What the trainer of a checkout computes with on this machine, in its own word: built and asked, since only it knows what it was made of.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { run } from '@swarm/shared/exec'
import { type Scale, USUAL_AT } from '@swarm/shared/scale'
import { deviceEnv, nvccEnv, scaleOfMake } from '@swarm/shared/trainer'
import { z } from 'zod'

export interface Computes {
  /** `cpu`, `cuda`; undefined where it cannot be built or asked. */
  backend: string | undefined
  /** Why it is not cuda, in the trainer's words. */
  why?: string
}

/** The trainer is built, and left to choose. One that has no choice, having no CUDA, says so by refusing the question. */
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
    const describe = ['--describe', '--data', data, '--seed', '1', '--budget', USUAL_AT[scale].budget, '--out', out]
    const env = deviceEnv(process.env.CUDA_VISIBLE_DEVICES ?? '0')
    const ask = (...flags: string[]) => run(binary, [...describe, ...flags], { timeoutMs: 60_000, env })
    const at = scale === 'cpu' ? [] : ['--scale', scale]
    const chosen = await ask(...at, '--backend', 'auto')
    const said = Described.safeParse(json(chosen.code === 0 ? chosen.stdout : (await ask(...at)).stdout))
    const backend = said.success ? said.data.backend : undefined
    const words = chosen.code === 0 ? said.data?.backendReason : chosen.output.trim().split('\n').at(-1)
    const why = backend === 'cuda' ? '' : (words?.trim().slice(0, 300) ?? '')
    return { backend, ...(why === '' ? {} : { why }) }
  } finally {
    rmSync(out, { recursive: true, force: true })
  }
}

/** What `train --describe` prints, as far as it is read here. */
const Described = z.object({ backend: z.string(), backendReason: z.string().optional() })

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
