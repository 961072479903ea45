// The workshop: what an agent builds trainers with.
import { run } from '@swarm/shared/exec'
import { nvccEnv } from '@swarm/shared/trainer'

export interface Workshop {
  /** Folder of the checkout this agent runs from; its frozen parts are built. */
  trainer: string
  cache: string
  /** Hash of the frozen sources the checkout was built from. */
  frozen: string
  compiler: string
  /** What make is told of the machine beside its own options. */
  env: Record<string, string>
  /** Put before make, so that building beside a run takes little from it. */
  prefix: readonly string[]
}

/** The versions of what compiles: part of the cache's key. The CUDA compiler counts where there is one, since make then uses it. */
export async function compilerVersion(): Promise<string> {
  const cuda = await lastLine(process.env.NVCC ?? 'nvcc')
  return [await hostCompiler(), ...(cuda === undefined ? [] : [cuda])].join('; ')
}

async function hostCompiler(): Promise<string> {
  for (const name of [process.env.CXX ?? 'g++', 'c++', 'clang++']) {
    try {
      const { code, stdout } = await run(name, ['--version'], { timeoutMs: 10_000 })
      if (code === 0) return (stdout.split('\n')[0] ?? name).trim()
    } catch {
      /* not there; the next one may be */
    }
  }
  return 'unknown compiler'
}

async function lastLine(file: string): Promise<string | undefined> {
  try {
    const { code, stdout } = await run(file, ['--version'], { timeoutMs: 10_000, env: nvccEnv() })
    return code === 0 ? stdout.trim().split('\n').at(-1) : undefined
  } catch {
    return undefined
  }
}
