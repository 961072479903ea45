// Worktree: a checkout of the base to edit in, made from the git bundle the hub keeps, on the hub's machine as anywhere else.
// An agent has one bare repository and two worktrees of it, since the next experiment is prepared while the current one runs.
// git is always told where the repository is: nothing a trainer could have left in a worktree (.git, hooks, config) is read.
import { existsSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bus } from '@swarm/shared/bus'
import { GitFailed, git, tryGit } from '@swarm/shared/git'
import type { Slot, Worktree } from './tree.ts'

/** The hub has no bundle of this base. */
export class BaseMissing extends Error {
  override name = 'BaseMissing'
}

export class Worktrees {
  readonly #repo: string
  constructor(
    private readonly dir: string,
    private readonly fetchBundle: (commit: string) => Promise<Uint8Array>,
  ) {
    this.#repo = join(dir, 'repository.git')
  }

  /** The slot at `base`, as clean as a new clone. Whatever is broken is made again once before it is an outage. */
  async at(slot: Slot, base: string): Promise<Worktree> {
    try {
      return await this.#reset(slot, base)
    } catch (error) {
      if (!(error instanceof GitFailed)) throw error
      await rm(this.dir, { recursive: true, force: true })
      return this.#reset(slot, base)
    }
  }

  async #reset(slot: Slot, base: string): Promise<Worktree> {
    await this.#have(base)
    const dir = join(this.dir, slot)
    const admin = join(this.#repo, 'worktrees', slot)
    if (!existsSync(admin) || !existsSync(dir)) {
      await rm(dir, { recursive: true, force: true })
      await git(this.#repo, ['worktree', 'prune'])
      await git(this.#repo, ['worktree', 'add', '--quiet', '--detach', '--force', '--no-checkout', dir, base])
    }
    // Left by a git that was killed in the middle.
    await rm(join(admin, 'index.lock'), { force: true })
    const tree = worktree(dir, admin, base, this.#repo)
    await tree.git(['reset', '--quiet', '--hard', base])
    await tree.git(['clean', '-ffdxq'])
    return tree
  }

  async #have(commit: string): Promise<void> {
    if (!existsSync(join(this.#repo, 'HEAD'))) {
      await mkdir(this.#repo, { recursive: true })
      await git(this.#repo, ['init', '--quiet', '--bare', '--initial-branch=best'])
    }
    const known = async (): Promise<boolean> =>
      (await tryGit(this.#repo, ['cat-file', '-e', `${commit}^{commit}`])).code === 0
    if (await known()) return
    const file = join(this.dir, `${commit}.bundle`)
    await writeFile(file, await this.fetchBundle(commit))
    try {
      await git(this.#repo, [
        '-c',
        'fetch.fsckObjects=true',
        'fetch',
        '--quiet',
        '--no-tags',
        '--no-write-fetch-head',
        file,
        '+refs/*:refs/bundle/*',
      ])
    } finally {
      await rm(file, { force: true })
    }
    if (!(await known())) throw new BaseMissing(`the hub's bundle for ${commit} does not hold that commit`)
  }
}

function worktree(dir: string, admin: string, base: string, repository: string): Worktree {
  const where = [`--git-dir=${admin}`, `--work-tree=${dir}`]
  const tree: Worktree = {
    dir,
    base,
    repository,
    index: join(admin, 'index'),
    git: (args, options) => git(dir, [...where, ...args], options),
    tryGit: (args, options) => tryGit(dir, [...where, ...args], options),
    apply: async (patch) => {
      const { code, output } = await tree.tryGit(['apply', '--index', '--3way', '--whitespace=nowarn', '-'], {
        input: patch,
      })
      if (code === 0) return { applied: true }
      const why =
        output
          .trim()
          .split('\n')
          .filter((l) => l.startsWith('error:'))
          .at(-1)
          ?.slice(7) ?? output.trim().slice(-300)
      const malformed =
        /corrupt patch|unrecognized input|No valid patches|invalid path|beyond a symbolic link|outside repository|without header|fragment/i.test(
          output,
        )
      return { applied: false, malformed, why }
    },
  }
  return tree
}

/** Bundles from the hub's object store; the coordinator makes the one that is asked for. */
export function bundlesOf(bus: Bus): (commit: string) => Promise<Uint8Array> {
  return async (commit) => {
    const reply = await bus.ask('bundle', { commit }, 30_000)
    if ('refused' in reply) throw new BaseMissing(`the hub has no bundle of ${commit}: ${reply.refused}`)
    const bytes = await bus.getObject(reply.object)
    if (bytes === undefined) throw new BaseMissing(`the object ${reply.object} is gone from the hub's store`)
    return bytes
  }
}
