// The door to git. Host git never runs configuration, hooks, filters or submodules that a worktree could carry.
import { devNull } from 'node:os'
import { type ChildOptions, run } from './exec.ts'

/** git itself failed (a broken repository, a full disk): infrastructure, never the idea's fault. */
export class GitFailed extends Error {
  override name = 'GitFailed'
}

const SAFE = [
  '-c',
  `core.hooksPath=${devNull}`,
  '-c',
  'core.fsmonitor=false',
  '-c',
  'core.symlinks=false',
  '-c',
  'protocol.allow=never',
  '-c',
  'protocol.file.allow=always',
  '-c',
  'core.autocrlf=false',
  '-c',
  'gc.auto=0',
  '-c',
  'submodule.recurse=false',
  '-c',
  'commit.gpgSign=false',
  '-c',
  'core.quotePath=false',
] as const
const ENV: Record<string, string> = {
  GIT_CONFIG_GLOBAL: devNull,
  GIT_CONFIG_SYSTEM: devNull,
  GIT_TERMINAL_PROMPT: '0',
  GIT_OPTIONAL_LOCKS: '0',
  LC_ALL: 'C',
}

export interface GitOptions extends Pick<ChildOptions, 'input' | 'signal'> {
  /** More variables, e.g. GIT_INDEX_FILE for a scratch index. */
  env?: Record<string, string>
}

/** Runs git in a folder and gives its exit code and output; the caller decides what a code means. */
export async function tryGit(
  cwd: string,
  args: readonly string[],
  options: GitOptions = {},
): Promise<{ code: number; stdout: string; output: string }> {
  const { code, stdout, output } = await run('git', [...SAFE, ...args], {
    cwd,
    timeoutMs: 120_000,
    ...options,
    env: { ...ENV, ...options.env },
  })
  return { code, stdout, output }
}

/** Runs git where only success is expected; returns stdout without the last newline. */
export async function git(cwd: string, args: readonly string[], options: GitOptions = {}): Promise<string> {
  const { code, stdout, output } = await tryGit(cwd, args, options)
  if (code !== 0) throw new GitFailed(`git ${args[0]} failed in ${cwd} (code ${code}): ${output.trim().slice(-500)}`)
  return stdout.replace(/\n$/, '')
}

/** Flags that make a diff the same text on every machine. */
export const DIFF_FLAGS = [
  '--no-color',
  '--no-ext-diff',
  '--no-textconv',
  '--no-renames',
  '--full-index',
  '--diff-algorithm=histogram',
  '--src-prefix=a/',
  '--dst-prefix=b/',
] as const
