// Lanes: which cores, or which GPU, each agent of this machine gets.
import { availableParallelism } from 'node:os'
import { allowedCores } from '@swarm/shared/cores'
import { type Gpu, gpuClass, listGpus } from '@swarm/shared/gpu'
import type { Scale } from '@swarm/shared/scale'
import { Usage } from '../failure.ts'
import { backendOf } from './backend.ts'

export interface Lanes {
  /** As an agent takes them: `cpu:0,1` or `gpu:3`. One an agent. */
  lanes: string[]
  /** Class of the GPUs, for GPU lanes: scores are compared within it alone. */
  gpu?: string
}

/** A network of the GPU's scale takes minutes for a step on a core: ten first steps would outlast their time. */
const TOO_BIG = 'on cores a step of --scale gpu takes minutes; leave --scale out'

/** Cores dealt out to agents: each its own share, in order; with more agents than cores they take turns. */
export function dealCores(cores: readonly number[], agents: number): number[][] {
  return Array.from({ length: agents }, (_, i) => {
    if (agents > cores.length) return [cores[i % cores.length] as number]
    return cores.slice(Math.floor((i * cores.length) / agents), Math.floor(((i + 1) * cores.length) / agents))
  })
}

/** GPUs for the agents where there are any and the trainer can use them, or where they are asked for; else cores. */
export async function lanesFor(
  wish: { lanes: string; agents?: number; checkout: string; data: string; scale: Scale },
  note: (line: string) => void,
): Promise<Lanes> {
  const { lanes, agents, checkout, data, scale } = wish
  const cores = (): Lanes => ({
    lanes: dealCores(allowedCores(), agents ?? Math.min(4, availableParallelism())).map((c) => `cpu:${c.join(',')}`),
  })
  if (lanes === 'cpu' && scale === 'gpu') throw new Usage(`--lanes cpu: ${TOO_BIG}.`)
  if (lanes === 'cpu') return cores()
  const all = visible(await listGpus())
  if (all.length === 0) {
    if (lanes === 'gpu')
      throw new Usage('--lanes gpu: nvidia-smi names no GPU on this machine; --lanes cpu trains on the cores.')
    if (scale === 'gpu') throw new Usage(`--scale gpu: nvidia-smi names no GPU on this machine; ${TOO_BIG}.`)
    return cores()
  }
  const { backend, why: words } = await backendOf(checkout, data, scale)
  if (backend !== 'cuda') {
    const why = `the trainer of this checkout computes on ${backend ?? 'nothing: it does not build'}, not on CUDA${words === undefined ? '' : ` (${words})`}`
    if (lanes === 'gpu')
      throw new Usage(`--lanes gpu: ${why}; --lanes cpu trains on the cores. "swarm doctor" says what is missing.`)
    if (scale === 'gpu') throw new Usage(`--scale gpu: ${why}; ${TOO_BIG}. "swarm doctor" says what is missing.`)
    note(
      `${all.length} GPU${all.length === 1 ? '' : 's'} here, but ${why}: training on the cores; "swarm doctor" says what is missing`,
    )
    return cores()
  }
  if (scale === 'cpu') note('the GPUs train at the scale of a CPU, as the program says; --scale gpu is the full size')
  return onGpus(all, agents, note)
}

/** A machine may be shared: of its GPUs those that CUDA_VISIBLE_DEVICES leaves us. */
function visible(all: readonly Gpu[]): Gpu[] {
  const left = process.env.CUDA_VISIBLE_DEVICES?.replaceAll(' ', '')
  if (left === undefined || all.length === 0) return [...all]
  if (left === '-1' || left === 'NoDevFiles') return [] // how people hide them all
  if (!/^\d*(,\d+)*$/.test(left))
    throw new Usage(
      `CUDA_VISIBLE_DEVICES=${left}: only numbers are understood here, such as 0,1 (as nvidia-smi counts); --lanes cpu trains on the cores.`,
    )
  const numbers = left.split(',').filter((text) => text !== '')
  return all.filter(({ index }) => numbers.includes(String(index)))
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
  return { lanes: same.slice(0, count).map(({ index }) => `gpu:${index}`), gpu: await gpuClass(first) }
}
