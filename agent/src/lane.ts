// The lane: which cores or which GPU this agent owns, and how a program is started on them.
import { availableParallelism, cpus, hostname } from 'node:os'
import { allowedCores } from '@swarm/shared/cores'
import type { Lane, Machine } from '@swarm/shared/event'
import { run } from '@swarm/shared/exec'
import { gpuClass, listGpus } from '@swarm/shared/gpu'
import { deviceEnv } from '@swarm/shared/trainer'

/** --lane cannot be used; the message says what would be right. */
export class LaneInvalid extends Error {
  override name = 'LaneInvalid'
}

/** `cpu:0` or `cpu:0,1` or `gpu:0`; without it, all cores this process may use. */
export function parseLane(text?: string): Lane {
  if (text === undefined) return { kind: 'cpu', cores: allowedCores() }
  const m = /^(cpu|gpu):(\d+(?:,\d+)*)$/.exec(text)
  if (m === null || (m[1] === 'gpu' && m[2]?.includes(',')))
    throw new LaneInvalid(`--lane ${text} is not a lane; write cpu:0 or cpu:0,1 (cores) or gpu:0 (one GPU)`)
  const numbers = (m[2] as string).split(',').map(Number)
  return m[1] === 'gpu'
    ? { kind: 'gpu', cores: [], gpu: numbers[0] as number }
    : { kind: 'cpu', cores: [...new Set(numbers)] }
}

export async function machineOf(lane: Lane): Promise<Machine> {
  const gpu = lane.gpu === undefined ? undefined : (await listGpus()).find(({ index }) => index === lane.gpu)
  if (lane.gpu !== undefined && gpu === undefined)
    throw new LaneInvalid(`--lane gpu:${lane.gpu}: nvidia-smi names no GPU ${lane.gpu} on this machine`)
  return {
    host: hostname().slice(0, 128),
    cpu: (cpus()[0]?.model ?? 'unknown').trim().slice(0, 128) || 'unknown',
    cores: availableParallelism(),
    ...(gpu === undefined ? {} : { gpu: (await gpuClass(gpu)).slice(0, 128) }),
  }
}

/** What to put before a command so that it runs on the lane's cores; nothing where that cannot be done (no taskset, no such core). */
export async function pinTo(lane: Lane): Promise<string[]> {
  if (lane.kind === 'gpu' || lane.cores.length === 0) return []
  const prefix = ['taskset', '-c', lane.cores.join(',')]
  try {
    const { code } = await run('taskset', [...prefix.slice(1), 'true'], { timeoutMs: 5_000 })
    return code === 0 ? prefix : []
  } catch {
    return []
  }
}

/** The trainer splits a step in two shards at most. */
export const workersOf = (lane: Lane): number => Math.max(1, Math.min(2, lane.cores.length))

/** What trainer and judge of this lane see: a GPU lane its own GPU only, a lane of cores none. */
export const laneEnv = ({ gpu }: Lane): Record<string, string> => deviceEnv(gpu === undefined ? '' : String(gpu))
