// A worktree as the steps see it: a folder at the base, and git in it.
import type { GitOptions } from '@swarm/shared/git'

export const SLOTS = ['a', 'b'] as const
export type Slot = (typeof SLOTS)[number]

export interface Worktree {
  dir: string
  base: string
  /** The bare repository this worktree is of. */
  repository: string
  /** git in this worktree. */
  git(args: readonly string[], options?: GitOptions): Promise<string>
  tryGit(args: readonly string[], options?: GitOptions): Promise<{ code: number; stdout: string; output: string }>
  /** The index git keeps for this worktree; a copy of it is a scratch index. */
  index: string
  /** Applies a patch, merging three ways where its context has moved on. */
  apply(patch: string): Promise<{ applied: true } | { applied: false; malformed: boolean; why: string }>
}
