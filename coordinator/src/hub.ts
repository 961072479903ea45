// The hub: a bare repository of the swarm's own. The checkout it starts from is read once and never written.
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { GitFailed, git, tryGit } from '@swarm/shared/git'

export const hubFolder = (home: string): string => path.join(home, 'hub.git')
export const BEST_REF = 'refs/heads/best'

/** The checkout cannot be the start of a swarm; the message says what to do. */
export class CheckoutUnusable extends Error {
  override name = 'CheckoutUnusable'
}

/** Makes the hub from the checkout's HEAD when there is none. Built under another name and renamed: a half-made one never counts. */
export async function ensureHub(home: string, checkout: string): Promise<string> {
  const hub = hubFolder(home)
  if (existsSync(hub)) {
    await unlock(hub)
    return hub
  }
  const head = await tryGit(checkout, ['rev-parse', 'HEAD'])
  if (head.code !== 0)
    throw new CheckoutUnusable(
      `${checkout} is no git checkout with a commit, so there is nothing to start from. Commit the recipe first: git add -A && git commit`,
    )
  const making = `${hub}.making`
  await rm(making, { recursive: true, force: true })
  await mkdir(making, { recursive: true })
  await git(making, ['init', '-q', '--bare', '--initial-branch=best'])
  await git(making, ['fetch', '-q', '--no-tags', '--update-shallow', path.resolve(checkout), `HEAD:${BEST_REF}`])
  await rename(making, hub)
  return hub
}

/**
 * Removes the locks of gits that were killed with the coordinator before this one: they would refuse every later move of `best`. Only
 * who holds the home may do this: no other git writes here.
 */
async function unlock(hub: string): Promise<void> {
  const left = [
    ...(await readdir(hub)).map((name) => path.join(hub, name)),
    ...(await readdir(path.join(hub, 'refs'), { recursive: true })).map((name) => path.join(hub, 'refs', name)),
  ]
  for (const file of left) if (file.endsWith('.lock')) await rm(file, { force: true })
}

export async function hasCommit(hub: string, commit: string): Promise<boolean> {
  return (await tryGit(hub, ['cat-file', '-e', `${commit}^{commit}`])).code === 0
}

/** Git tree of the editable folder at a commit. */
export async function editableTree(hub: string, commit: string, editable: string): Promise<string> {
  const found = await tryGit(hub, ['rev-parse', '--verify', '-q', `${commit}:${editable.replace(/\/+$/, '')}`])
  if (found.code !== 0)
    throw new CheckoutUnusable(
      `commit ${commit.slice(0, 10)} has no folder ${editable}, which program.md says agents may edit`,
    )
  return found.stdout.trim()
}

/** The experiment's source at a commit. */
export async function sourceAt(hub: string, commit: string, editable: string): Promise<string> {
  const shown = await tryGit(hub, ['show', `${commit}:${editable}train.cu`])
  if (shown.code !== 0)
    throw new CheckoutUnusable(
      `commit ${commit.slice(0, 10)} has no ${editable}train.cu, so there is nothing to improve`,
    )
  return shown.stdout
}

/** Everything a worktree of `commit` needs, as one file whose only ref is `refs/heads/best`. */
export async function bundleOf(hub: string, commit: string): Promise<Uint8Array> {
  if (!(await hasCommit(hub, commit))) throw new GitFailed(`the hub has no commit ${commit.slice(0, 10)}`)
  const scratch = await mkdtemp(path.join(tmpdir(), 'swarm-bundle-'))
  try {
    // A repository that borrows the hub's objects, so that the ref can be named without touching the hub.
    const lender = path.join(scratch, 'lender.git')
    await mkdir(lender)
    await git(lender, ['init', '-q', '--bare'])
    await writeFile(path.join(lender, 'objects/info/alternates'), `${path.join(hub, 'objects')}\n`)
    await git(lender, ['update-ref', BEST_REF, commit])
    const file = path.join(scratch, 'best.bundle')
    await git(lender, ['bundle', 'create', '-q', file, BEST_REF])
    return await readFile(file)
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}
