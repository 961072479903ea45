// Lanes: which cores, or which GPU, each agent of this machine gets.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { allowedCores } from '@swarm/shared/cores'
import { run } from '@swarm/shared/exec'
import { type Gpu, gpuClass, listGpus } from '@swarm/shared/gpu'
import { Usage } from '../failure.ts'

export interface Lanes {
  /** As an agent takes them: `cpu:0,1` or `gpu:3`. One an agent. */
  lanes: string[]
  /** What scores under a budget of time depend on, for GPU lanes. */
  machine?: string
}

/** Cores dealt out to agents: each its own share, in order; with more agents than cores they take turns. */
export function dealCores(cores: readonly number[], agents: number): number[][] {
  return Array.from({ length: agents }, (_, i) => {
    if (agents > cores.length) return [cores[i % cores.length] as number]
    return cores.slice(Math.floor((i * cores.length) / agents), Math.floor(((i + 1) * cores.length) / agents))
  })
}

/** What the trainer computes on, in its own word; undefined where it cannot be built or asked. */
export async function backendOf(checkout: string, data: string): Promise<string | undefined> {
  const native = path.join(checkout, 'trainer-native')
  const out = mkdtempSync(path.join(tmpdir(), 'swarm-backend-'))
  try {
    const binary = path.join(out, 'train')
    const source = path.join(native, 'experiment', 'train.cu')
    await run('make', ['-C', native, 'trainer', `EXPERIMENT=${source}`, `OUT=${binary}`], { timeoutMs: 600_000 })
    if (!existsSync(binary)) return undefined
    const asked = ['--describe', '--data', data, '--seed', '1', '--budget', 'work:1s', '--out', out]
    const { stdout } = await run(binary, asked, { timeoutMs: 60_000 })
    return /"backend":\s*"(\w+)"/.exec(stdout)?.[1]
  } finally {
    rmSync(out, { recursive: true, force: true })
  }
}

/** GPUs for the agents where there are any and the trainer can use them, or where they are asked for; else cores. */
export async function lanesFor(
  { lanes: wish, agents, checkout, data }: { lanes: string; agents?: number; checkout: string; data: string },
  note: (line: string) => void,
): Promise<Lanes> {
  const cores = (): Lanes => ({
    lanes: dealCores(allowedCores(), agents ?? Math.min(4, availableParallelism())).map((c) => `cpu:${c.join(',')}`),
  })
  if (wish === 'cpu') return cores()
  const all = await listGpus()
  if (all.length === 0) {
    if (wish === 'auto') return cores()
    throw new Usage('--lanes gpu: nvidia-smi names no GPU on this machine; --lanes cpu trains on the cores.')
  }
  const backend = await backendOf(checkout, data)
  if (backend !== 'cuda') {
    const why = `the trainer of this checkout computes on ${backend ?? 'nothing: it does not build'}, not on CUDA`
    if (wish === 'gpu') throw new Usage(`--lanes gpu: ${why}; --lanes cpu trains on the cores.`)
    note(`${all.length} GPU${all.length === 1 ? '' : 's'} here, but ${why}: training on the cores`)
    return cores()
  }
  return onGpus(all, agents, note)
}

async function onGpus(all: readonly Gpu[], agents: number | undefined, note: (line: string) => void): Promise<Lanes> {
  const first = all[0] as Gpu
  const same = all.filter(({ name, memory }) => name === first.name && memory === first.memory)
  if (same.length < all.length)
    note(
      `${all.length - same.length} GPUs of another kind than ${first.name} are left alone: scores could not be compared`,
    )
  const count = agents ?? same.length
  if (count > same.length)
    throw new Usage(`--agents ${count}: there are ${same.length} GPUs, and each agent needs its own.`)
  return { lanes: same.slice(0, count).map(({ index }) => `gpu:${index}`), machine: await gpuClass(first) }
}
