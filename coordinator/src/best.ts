// The best branch: a confirmed diff becomes a commit of the hub without a worktree, its content fixed by the ledger alone.
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { GitFailed, git, tryGit } from '@swarm/shared/git'
import { guardDiff } from '@swarm/shared/guard'
import { BEST_REF, hasCommit, hubFolder } from './hub.ts'

export interface Confirmed {
  base: string
  diff: string
  title: string
  hypothesis: string
  agent: string
  valBpb: number
  seeds: readonly number[]
  editable: string
}

const AUTHOR = {
  GIT_AUTHOR_NAME: 'swarm',
  GIT_AUTHOR_EMAIL: 'swarm@localhost',
  GIT_COMMITTER_NAME: 'swarm',
  GIT_COMMITTER_EMAIL: 'swarm@localhost',
}
const DURABLE = ['-c', 'core.fsync=committed,loose-object'] as const

export function message(c: Confirmed): string {
  const title = c.title.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').trim()
  const trailers = [
    `Hypothesis: ${c.hypothesis}`,
    `Base: ${c.base}`,
    `Val-Bpb: ${c.valBpb.toFixed(6)}`,
    `Agent: ${c.agent}`,
    `Seeds: ${c.seeds.join(', ')}`,
  ]
  return `${title}\n\n${trailers.join('\n')}\n`
}

/**
 * Commits a diff onto its base and gives commit and editable tree; no ref moves. The same confirmed diff is the same commit on every
 * machine and after every crash: the date is the base's plus one second, since a clock would make it another one.
 */
export async function commitDiff(hub: string, c: Confirmed): Promise<{ commit: string; tree: string }> {
  const guarded = await guardDiff(hub, c.base, c.diff, c.editable)
  if ('refused' in guarded)
    throw new GitFailed(`a confirmed diff of ${c.hypothesis} does not pass the guard: ${guarded.refused}`)
  if (guarded.diff !== c.diff)
    throw new GitFailed(`the recorded diff of ${c.hypothesis} is not the change that would be committed`)
  const scratch = await mkdtemp(path.join(tmpdir(), 'swarm-best-'))
  try {
    const env = { GIT_INDEX_FILE: path.join(scratch, 'index') }
    await git(hub, ['read-tree', c.base], { env })
    await git(hub, [...DURABLE, 'apply', '--cached', '--whitespace=nowarn', '-'], { env, input: c.diff })
    const tree = await git(hub, [...DURABLE, 'write-tree'], { env })
    if (tree !== guarded.tree) throw new GitFailed(`the tree of ${c.hypothesis} changed between guard and commit`)
    const when = `${Number(await git(hub, ['show', '-s', '--format=%ct', c.base])) + 1} +0000`
    const dated = { ...AUTHOR, GIT_AUTHOR_DATE: when, GIT_COMMITTER_DATE: when }
    return {
      commit: await git(hub, [...DURABLE, 'commit-tree', tree, '-p', c.base, '-F', '-'], {
        env: dated,
        input: message(c),
      }),
      tree: guarded.editable,
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Puts the branch where the ledger says. `from` is where it has to be now; any other place but the goal itself is an error. */
export async function moveBest(hub: string, commit: string): Promise<void> {
  const now = (await tryGit(hub, ['rev-parse', '--verify', '-q', BEST_REF])).stdout.trim()
  if (now === commit) return
  if (!(await hasCommit(hub, commit)))
    throw new GitFailed(`the ledger says best is ${commit.slice(0, 10)}, but the hub has no such commit`)
  await git(hub, [...DURABLE, 'update-ref', '-m', 'best moved', BEST_REF, commit, ...(now === '' ? [] : [now])])
}

export type Brought = { commit: string; branch: string } | { refused: string }

/** Brings best home: a branch `swarm/best` in the user's checkout. Their own branches, index and files stay as they are. */
export async function bringHome(home: string, checkout: string): Promise<Brought> {
  const hub = hubFolder(home)
  const commit = existsSync(hub) ? (await tryGit(hub, ['rev-parse', '--verify', '-q', BEST_REF])).stdout.trim() : ''
  if (commit === '') return { refused: `there is no best in ${home} yet. Start a swarm there with: swarm up` }
  const branch = 'swarm/best'
  const ref = `refs/heads/${branch}`
  const current = (await tryGit(checkout, ['symbolic-ref', '-q', 'HEAD'])).stdout.trim()
  if (current === ref)
    return { refused: `${checkout} has ${branch} checked out. Switch to another branch first: git switch -` }
  const fetched = await tryGit(checkout, ['fetch', '-q', '--no-tags', hub, `+${BEST_REF}:${ref}`])
  if (fetched.code !== 0)
    return { refused: `git could not fetch best into ${checkout}: ${fetched.output.trim().slice(-300)}` }
  return { commit, branch }
}
