// The guard: permission is a folder. A diff may change regular files below one path prefix and nothing else. The agent asks it
// before it builds, the coordinator asks it again of every diff it receives; both see the same answer, because it is this code.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { MAX_DIFF_BYTES } from './experiment.ts'
import { DIFF_FLAGS, GitFailed, git, tryGit } from './git.ts'

export type Guarded =
  /** `diff` is the canonical text of the very change that a commit would make; `tree` and `editable` are git trees after it. */
  { diff: string; tree: string; editable: string } | { refused: string }

const MAX_FILES = 20
/** No segment starts with a dot, so no `.git`, `.gitattributes`, `..`; source files only. */
const FILE = /^(?:[A-Za-z0-9_][A-Za-z0-9_.-]*\/)*[A-Za-z0-9_][A-Za-z0-9_.-]*\.(?:cu|cuh|cpp|hpp|h)$/
const REGULAR = '100644'
const NONE = '000000'

/** Applies a diff to `base` in a scratch index and scratch object store of the repository at `gitDir`: nothing of it is touched. */
export async function guardDiff(gitDir: string, base: string, diff: string, editable: string): Promise<Guarded> {
  const bytes = Buffer.byteLength(diff)
  if (bytes > MAX_DIFF_BYTES) return { refused: `the diff has ${bytes} bytes; at most ${MAX_DIFF_BYTES} are allowed` }
  const scratch = await mkdtemp(path.join(tmpdir(), 'swarm-guard-'))
  try {
    const objects = path.join(scratch, 'objects')
    await mkdir(objects)
    const own = path.resolve(gitDir, await git(gitDir, ['rev-parse', '--git-path', 'objects']))
    const env = {
      GIT_INDEX_FILE: path.join(scratch, 'index'),
      GIT_OBJECT_DIRECTORY: objects,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: own,
    }
    await git(gitDir, ['read-tree', base], { env })
    if (diff !== '') {
      const applied = await tryGit(gitDir, ['apply', '--cached', '--whitespace=nowarn', '-'], { env, input: diff })
      if (applied.code === -1) throw new GitFailed(`git apply did not end: ${applied.output.trim().slice(-300)}`)
      if (applied.code !== 0)
        return { refused: `the diff does not apply to ${base.slice(0, 10)}: ${applied.output.trim().slice(-300)}` }
    }
    const why = await refuseEntries(gitDir, base, env, editable)
    if (why !== undefined) return { refused: why }
    const canonical = (await tryGit(gitDir, ['diff-index', '--cached', '-p', ...DIFF_FLAGS, base], { env })).stdout
    const tree = await git(gitDir, ['write-tree'], { env })
    return {
      diff: canonical,
      tree,
      editable: await git(gitDir, ['rev-parse', `${tree}:${editable.replace(/\/+$/, '')}`], { env }),
    }
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

/** Why one of the changed entries is not allowed. Raw entry: `:oldmode newmode oldsha newsha status NUL path NUL`. */
async function refuseEntries(
  gitDir: string,
  base: string,
  env: Record<string, string>,
  editable: string,
): Promise<string | undefined> {
  const raw = await git(gitDir, ['diff-index', '--cached', '--raw', '--no-renames', '-z', base], { env })
  const fields = raw.split('\0').filter((f) => f !== '')
  if (fields.length / 2 > MAX_FILES)
    return `the diff changes ${fields.length / 2} files; at most ${MAX_FILES} are allowed`
  for (let i = 0; i + 1 < fields.length; i += 2) {
    const [from, to] = (fields[i] as string).slice(1).split(' ') as [string, string]
    const file = fields[i + 1] as string
    if (!file.startsWith(editable)) return `the diff changes ${file}; only files below ${editable} may change`
    if (!FILE.test(file.slice(editable.length)))
      return `the diff changes ${file}; only source files (.cu .cuh .cpp .hpp .h) may change`
    if (to === NONE) return `the diff deletes ${file}; files may be changed or added`
    if (to !== REGULAR || (from !== REGULAR && from !== NONE))
      return `${file} would get mode ${to}; only regular files (${REGULAR}) may change`
  }
  const numbers = await git(gitDir, ['diff-index', '--cached', '--numstat', '--no-renames', '-z', base], { env })
  const binary = numbers.split('\0').find((line) => line.startsWith('-\t-\t'))
  return binary === undefined ? undefined : `${binary.slice(4)} is binary; only text may change`
}
