// What a machine needs, looked at one by one. Each check says what it found, and when it is not right, what to do.
import { accessSync, constants, readdirSync, statfsSync, statSync } from 'node:fs'
import { availableParallelism, cpus, totalmem } from 'node:os'
import path from 'node:path'
import { run } from '@swarm/shared/exec'
import { verifyDataset } from '../../data/manifest.ts'
import { findBinary, howToGetOne, onPath } from '../../server/binary.ts'
import { degradation, versionText } from '../../server/version.ts'

export interface Check {
  name: string
  ok: boolean
  /** What was found, in a few words. */
  found: string
  /** What to do about it; there exactly when ok is false. */
  fix?: string
}

export interface Places {
  checkout: string
  state: string
  data: string
}

/** Free space below which a swarm should not start, bytes: one run keeps well under 1 GiB, the rest is air for the server's store. */
const DISK_FLOOR = 2 * 1024 ** 3
const GIB = 1024 ** 3

const good = (name: string, found: string): Check => ({ name, ok: true, found })
const bad = (name: string, found: string, fix: string): Check => ({ name, ok: false, found, fix })

const install = (debian: string, mac: string): string =>
  process.platform === 'darwin' ? mac : `sudo apt-get install ${debian}`

/** First line of what a program prints about itself; undefined when it is not there or fails. */
async function firstLine(file: string, args: string[]): Promise<string | undefined> {
  if (onPath(file) === undefined && !path.isAbsolute(file)) return undefined
  try {
    const { code, stdout } = await run(file, args, { timeoutMs: 10_000 })
    return code === 0 ? stdout.split('\n')[0]?.trim() : undefined
  } catch {
    return undefined
  }
}

function node(): Check {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const enough = major > 20 || (major === 20 && minor >= 19)
  return enough
    ? good('node', process.versions.node)
    : bad('node', process.versions.node, 'Node 20.19 or newer: nodejs.org, or your version manager')
}

async function program(name: string, file: string, fix: string): Promise<Check> {
  const line = await firstLine(file, ['--version'])
  return line === undefined ? bad(name, 'missing', fix) : good(name, line)
}

async function compiler(): Promise<Check> {
  for (const file of [process.env.CXX, 'g++', 'clang++']) {
    const line = file === undefined || file === '' ? undefined : await firstLine(file, ['--version'])
    if (line !== undefined) return good('compiler', line)
  }
  return bad('compiler', 'missing', install('g++', 'xcode-select --install'))
}

async function natsServer({ state }: Places): Promise<Check> {
  const binary = await findBinary(state)
  if (binary === undefined) return bad('nats-server', 'missing', `npm run setup gets one. By hand: ${howToGetOne()}`)
  const found = `${versionText(binary.version)}, ${binary.path}`
  const degraded = degradation(binary.version)
  if (degraded === undefined) return good('nats-server', found)
  const again =
    binary.from === 'state folder'
      ? `rm ${binary.path}; npm run setup   (looks for a newer one)`
      : 'npm run setup   (looks for a newer one)'
  return bad('nats-server', `${found}; ${degraded}`, `${again}\nThe swarm runs with it all the same.`)
}

function dataSet({ data }: Places): Check {
  try {
    const { manifest, hash } = verifyDataset(data, { hashes: false })
    return good(
      'data set',
      `${manifest.name}, ${manifest.tokens.train.toLocaleString('en-US')} training tokens, ${hash.slice(0, 12)}`,
    )
  } catch (error) {
    return bad('data set', (error as Error).message, `swarm prepare   (into ${data})`)
  }
}

/** Time of the newest file below a folder. */
function newest(folder: string): number {
  const times = readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(path.join(entry.parentPath, entry.name)).mtimeMs)
  return Math.max(0, ...times)
}

function trainer({ checkout }: Places): Check {
  const folder = path.join(checkout, 'trainer-native')
  const judge = path.join(folder, 'build', 'judge')
  const fix = `make -C ${folder} -j${availableParallelism()}`
  try {
    accessSync(judge, constants.X_OK)
    // Whatever changed is compiled anew, so the newest thing built is younger than the newest source.
    const built = newest(path.join(folder, 'build'))
    const stale = ['engine', 'harness', 'judge', 'tools'].some((room) => newest(path.join(folder, room)) > built)
    return stale ? bad('trainer', 'built from older sources', fix) : good('trainer', 'built')
  } catch {
    return bad('trainer', 'not built', fix)
  }
}

function disk({ state, checkout }: Places): Check {
  let folder = state
  try {
    statSync(folder)
  } catch {
    folder = checkout
  }
  const { bavail, blocks, bsize } = statfsSync(folder)
  const found = `${((bavail * bsize) / GIB).toFixed(1)} GiB free (${Math.round((100 * bavail) / blocks)}%)`
  return bavail * bsize >= DISK_FLOOR
    ? good('disk', found)
    : bad(
        'disk',
        found,
        `free ${DISK_FLOOR / GIB} GiB where ${state} is, or set SWARM_STATE to a folder on another disk`,
      )
}

function cores(): Check {
  return good(
    'cores',
    `${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown'}, ${(totalmem() / GIB).toFixed(0)} GiB memory`,
  )
}

/** The jail for foreign code is not needed while everything runs here is yours. */
async function bubblewrap(): Promise<Check> {
  return good('bubblewrap', (await firstLine('bwrap', ['--version'])) ?? 'not there (not needed yet)')
}

/** All checks, in the order a person would mend them. */
export async function checks(places: Places): Promise<Check[]> {
  return Promise.all([
    node(),
    program('git', 'git', install('git', 'xcode-select --install')),
    compiler(),
    program('make', 'make', install('make', 'xcode-select --install')),
    natsServer(places),
    trainer(places),
    dataSet(places),
    disk(places),
    cores(),
    bubblewrap(),
  ])
}
