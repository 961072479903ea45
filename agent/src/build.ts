// Build: one experiment against the frozen parts of the checkout, through a cache by content. The same source is compiled once.
import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { describeEnd, run } from '@swarm/shared/exec'
import type { Program } from '@swarm/shared/program'
import { scaleOfMake } from '@swarm/shared/trainer'
import { type Ending, plain } from './ending.ts'
import type { Worktree } from './tree.ts'
import type { Workshop } from './workshop.ts'

const TIME_LIMIT_MS = 300_000
const KEPT_BINARIES = 200
const FROZEN = ['engine', 'harness', 'judge', 'tools', 'Makefile'] as const

export interface Build {
  tree: Worktree
  program: Pick<Program, 'editable' | 'scale'>
  workshop: Workshop
  signal: AbortSignal
}

/** Path of the trainer for what stands in the worktree. */
export async function build({ tree, program, workshop, signal }: Build): Promise<string | Ending> {
  const { editable, scale } = program
  const mismatch = await frozenMismatch(tree, workshop.trainer)
  if (mismatch !== undefined)
    return {
      outcome: 'infra-failed',
      cause: `${mismatch} of the base differs from this checkout, so its runs could not be compared. Check out the swarm's version, or commit your change and start a new home.`,
    }
  const key = await contentKey(join(tree.dir, editable), workshop, scaleOfMake(scale))
  const binary = join(workshop.cache, key, 'train')
  if (existsSync(binary)) {
    await utimes(join(workshop.cache, key), new Date(), new Date()).catch(() => {})
    return binary
  }
  const draft = join(workshop.cache, `draft-${process.pid}-${randomUUID().slice(0, 8)}`)
  await mkdir(draft, { recursive: true })
  try {
    const source = join(tree.dir, editable, 'train.cu')
    const args = [
      ...workshop.prefix,
      'make',
      '--no-print-directory',
      '-C',
      workshop.trainer,
      'trainer',
      `EXPERIMENT=${source}`,
      `OUT=${join(draft, 'train')}`,
      ...scaleOfMake(scale),
    ]
    const { env } = workshop
    const limits = { timeoutMs: TIME_LIMIT_MS, signal, env }
    const { code, output, end } = await run(args[0] as string, args.slice(1), limits)
    if (code !== 0 || !existsSync(join(draft, 'train'))) {
      // Words for everybody: without the folders of this machine.
      const places = [`${tree.dir}/`, `${draft}/`, workshop.trainer]
      const log = plain(
        places.reduce(
          (text, place) => text.replaceAll(place, place === workshop.trainer ? 'trainer-native' : ''),
          output,
        ),
        8_000,
      )
      const full = /No space left on device|Cannot allocate memory|Disk quota exceeded/i.exec(log)
      if (full !== null)
        return { outcome: 'infra-failed', cause: `the build ended with “${full[0]}”; free some of it`, log }
      return { outcome: 'build-failed', cause: firstError(log) ?? `the build ${describeEnd(end)}`, log }
    }
    await rename(draft, join(workshop.cache, key)).catch((error: NodeJS.ErrnoException) => {
      // Another agent of this home built the same source meanwhile.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
    await prune(workshop.cache)
    return binary
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

function firstError(log: string): string | undefined {
  return log
    .split('\n')
    .find((line) => /\berror:/.test(line))
    ?.trim()
    .slice(0, 500)
}

/** sha256 over the editable folder, the frozen parts, the compilers and the scale: everything a binary depends on. */
async function contentKey(folder: string, workshop: Workshop, scale: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(`${[workshop.frozen, workshop.compiler, ...scale].join('\n')}\n`)
  for (const path of await filesBelow(folder)) {
    const bytes = await readFile(join(folder, path))
    hash.update(`${path}\0${bytes.length}\0`).update(bytes)
  }
  return hash.digest('hex')
}

/** Regular files below a folder, as relative paths in order. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries
    .filter((e) => e.isFile())
    .map((e) => join(e.parentPath, e.name).slice(folder.replace(/\/$/, '').length + 1))
    .sort()
}

/** The first frozen file that is not the same in the base and in the checkout, both ways; undefined when all are. */
async function frozenMismatch(tree: Worktree, trainer: string): Promise<string | undefined> {
  const listed = await tree.git([
    'ls-tree',
    '-r',
    '-z',
    tree.base,
    '--',
    ...FROZEN.map((name) => `trainer-native/${name}`),
  ])
  const wanted = new Map<string, string>()
  for (const line of listed.split('\0').filter((l) => l !== '')) {
    const [meta, path] = line.split('\t') as [string, string]
    wanted.set(path.slice('trainer-native/'.length), meta.split(' ')[2] as string)
  }
  const here = new Set<string>()
  for (const name of FROZEN) {
    const place = join(trainer, name)
    const info = await stat(place).catch(() => undefined)
    if (info?.isFile()) here.add(name)
    if (info?.isDirectory()) for (const path of await filesBelow(place)) here.add(`${name}/${path}`)
  }
  for (const path of new Set([...wanted.keys(), ...here])) {
    if (!here.has(path) || wanted.get(path) !== blobId(await readFile(join(trainer, path))))
      return `trainer-native/${path}`
  }
  return undefined
}

/** git's name of a blob (gitformat: "blob <length>\0" and the bytes). */
const blobId = (bytes: Buffer): string =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex')

/** Keeps the cache small: the binaries used last stay. */
async function prune(cache: string): Promise<void> {
  const entries = (await readdir(cache)).filter((name) => /^[0-9a-f]{64}$/.test(name))
  if (entries.length <= KEPT_BINARIES) return
  const aged = await Promise.all(entries.map(async (name) => ({ name, used: (await stat(join(cache, name))).mtimeMs })))
  aged.sort((a, b) => b.used - a.used)
  for (const { name } of aged.slice(KEPT_BINARIES)) await rm(join(cache, name), { recursive: true, force: true })
}
