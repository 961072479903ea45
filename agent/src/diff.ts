// Diff: what the worktree differs from its base by, taken through a scratch index, and then the guard, as the coordinator asks it.
import { copyFile, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { DIFF_FLAGS } from '@swarm/shared/git'
import { guardDiff } from '@swarm/shared/guard'
import { type Ending, plain } from './ending.ts'
import type { Worktree } from './tree.ts'

export interface Diff {
  /** The patch, ending with a newline. */
  text: string
  /** git's id of the editable folder with the patch: the same id is the same source. */
  folder: string
}

export async function takeDiff(tree: Worktree, editable: string): Promise<Diff | Ending> {
  const scratch = `${tree.index}.scratch`
  const env = { GIT_INDEX_FILE: scratch }
  try {
    await copyFile(tree.index, scratch)
    // git reads a file again only if it changed no earlier than the index was written. A copy is younger than its entries: an edit of
    // the same length in the second of the checkout would be no edit. Older than every file, it makes git read them all.
    await utimes(scratch, 1, 1)
    // --force: an ignored file is part of the edit too, nothing hides.
    const added = await tree.tryGit(['add', '--all', '--force', '.'], { env })
    if (added.code !== 0) return rejected(`git cannot take what was written: ${added.output.trim().slice(-300)}`)
    const made = await tree.git(['write-tree'], { env })
    if (made === (await tree.git(['rev-parse', `${tree.base}^{tree}`])))
      return { outcome: 'empty-diff', cause: 'the edit changes nothing of its base' }

    const patch = await tree.tryGit(['diff-tree', '-p', ...DIFF_FLAGS, tree.base, made], { env })
    if (patch.code !== 0) return rejected('the diff is too large to be taken')
    const guarded = await guardDiff(tree.repository, tree.base, patch.stdout, editable)
    if ('refused' in guarded) return rejected(guarded.refused)
    // The diff travels as text: it must make the very same tree again, which broken UTF-8 does not.
    if (guarded.tree !== made) return rejected('the diff cannot be carried as text (broken UTF-8)')
    // What is built is what the diff says: nothing that git does not see (an inner .git) stays beside it.
    await rm(join(tree.dir, editable), { recursive: true, force: true })
    await tree.git(['checkout-index', '--all', '--force', '--quiet'], { env })
    return { text: guarded.diff, folder: guarded.editable }
  } finally {
    await rm(scratch, { force: true })
  }
}

const rejected = (cause: string): Ending => ({ outcome: 'diff-rejected', cause: plain(cause, 1_000) })
