// Which nats-server runs here: the one on PATH, or the one the set-up obtained. Newer than the floor goes first.
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { run } from '@swarm/shared/exec'
import { FLOOR, isBelow, parseVersion, type Version, versionText } from './version.ts'

export interface Binary {
  path: string
  version: Version
  from: 'PATH' | 'state folder'
}

/** No nats-server here. The message carries the command to type. */
export class NoServer extends Error {
  override name = 'NoServer'
}

/** Where the set-up puts the server it obtained. */
export const obtainedPath = (state: string): string => join(state, 'bin', 'nats-server')

/** What a person can do about it, for this kind of machine. */
export function howToGetOne(platform: string = process.platform): string {
  const install =
    platform === 'darwin'
      ? 'brew install nats-server'
      : 'sudo apt-get install nats-server   (or put a release of github.com/nats-io/nats-server on PATH)'
  return `Install nats-server ${versionText(FLOOR)} or newer:\n  ${install}\nor point at one that runs already:\n  npm start -- --nats nats://HOST:4222`
}

/** The version a binary reports; undefined when it does not run here. */
export async function versionOf(path: string): Promise<Version | undefined> {
  try {
    const { code, output } = await run(path, ['--version'], { timeoutMs: 5_000 })
    return code === 0 ? parseVersion(output) : undefined
  } catch {
    return undefined
  }
}

/** Absolute path of a program on PATH. */
export function onPath(name: string, path: string = process.env.PATH ?? ''): string | undefined {
  for (const folder of path.split(delimiter)) {
    if (folder === '') continue
    const file = join(folder, name)
    try {
      accessSync(file, constants.X_OK)
      if (statSync(file).isFile()) return file
    } catch {
      /* not in this folder */
    }
  }
  return undefined
}

/** PATH first, then the state folder; one below the floor only when no other is there, and then the newer one. */
export async function findBinary(state: string, path?: string): Promise<Binary | undefined> {
  const found: Binary[] = []
  for (const [file, from] of [
    [onPath('nats-server', path), 'PATH'],
    [onPath('nats-server', join(state, 'bin')), 'state folder'],
  ] as const) {
    const version = file === undefined ? undefined : await versionOf(file)
    if (file === undefined || version === undefined) continue
    if (!isBelow(version, FLOOR)) return { path: file, version, from }
    found.push({ path: file, version, from })
  }
  return found.reduce<Binary | undefined>(
    (best, b) => (best === undefined || isBelow(best.version, b.version) ? b : best),
    undefined,
  )
}

/** Touched when nothing newer than the old server on PATH could be had, so that not every set-up asks the network again. */
export const lookedPath = (state: string): string => join(state, 'bin', '.looked')
const LOOK_AGAIN_MS = 7 * 24 * 3600_000

/** Nothing to look for: new enough, or an older one the set-up settled for. */
export function isGoodEnough(state: string, found: Binary | undefined): boolean {
  if (found === undefined) return false
  if (found.from === 'state folder' || !isBelow(found.version, FLOOR)) return true
  try {
    return Date.now() - statSync(lookedPath(state)).mtimeMs < LOOK_AGAIN_MS
  } catch {
    return false
  }
}
