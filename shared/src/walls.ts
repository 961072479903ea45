// The walls round a trainer: the frozen launcher `trainer-native/build/jail` (docs/decisions/0002) and what it can do on this machine.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { run } from './exec.ts'
import type { Backend } from './trainer.ts'

/** What holds a trainer: both halves, system calls alone, or nothing but the process group. */
export const Sandbox = z.enum(['landlock+seccomp', 'seccomp', 'unsandboxed'])
export type Sandbox = z.infer<typeof Sandbox>

export interface Walls {
  sandbox: Sandbox
  /** Put before a trainer, and before the judge: they then reach what their own options name and nothing else. */
  train: readonly string[]
  judge: readonly string[]
}

const NONE: Walls = { sandbox: 'unsandboxed', train: [], judge: [] }

/** The walls of a checkout's `trainer-native` folder, tried out once. What cannot be tried counts as none. On a GPU they leave its devices reachable. */
export async function wallsOf(trainer: string, backend: Backend = 'cpu'): Promise<Walls> {
  const launcher = join(trainer, 'build', 'jail')
  if (!existsSync(launcher)) return NONE
  const { code, stdout } = await run(launcher, ['probe'], { timeoutMs: 10_000 })
  const word = Sandbox.safeParse(stdout.trim())
  if (code !== 0 || !word.success || word.data === 'unsandboxed') return NONE
  const gpu = backend === 'cuda' ? ['--gpu'] : []
  return { sandbox: word.data, train: [launcher, 'train', ...gpu], judge: [launcher, 'judge', ...gpu] }
}
