// The workshop: what an agent builds trainers with.
import { run } from '@swarm/shared/exec'

export interface Workshop {
  /** Folder of the checkout this agent runs from; its frozen parts are built. */
  trainer: string
  cache: string
  /** Hash of the frozen sources the checkout was built from. */
  frozen: string
  compiler: string
  /** Put before make, so that building beside a run takes little from it. */
  prefix: readonly string[]
}

/** First line of the compiler's version, part of the cache's key. */
export async function compilerVersion(): Promise<string> {
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
