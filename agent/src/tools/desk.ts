// The desk an author's tools work at: a worktree, what of it may be read and edited, and the marks that quote what is in it.
import { constants } from 'node:fs'
import { lstat, open } from 'node:fs/promises'
import { join } from 'node:path'
import { type Quoting, quote } from '@swarm/shared/quoted'
import type { Ending } from '../ending.ts'

/** A file may have this many bytes, and a tool's text this many characters. */
export const MOST_BYTES = 64 * 1024
export const MOST_TEXT = 20_000

export interface Desk {
  /** The worktree. */
  dir: string
  editable: string
  /** Folders whose files may be read, from the worktree on, `editable` among them. */
  readable: readonly string[]
  tag: string
  workbench: Workbench
}

/** The swarm's own steps, for the author to see what they say before it hands in. */
export interface Workbench {
  /** Path of the trainer. */
  build(signal: AbortSignal): Promise<string | Ending>
  /** Ten steps of it; the lines it wrote, and how it ended when it did not end well. */
  firstSteps(trainer: string, signal: AbortSignal): Promise<{ lines: string[]; ending?: Ending }>
}

/** What a tool cannot do; its words go to the model. */
export class ToolRefused extends Error {
  override name = 'ToolRefused'
}

export const quoted = ({ tag }: Desk, what: string, text: string, kept: Quoting['kept'] = 'start'): string =>
  quote(text, { tag, what, most: MOST_TEXT, kept })

/** A path as the model writes it, `train.cu` or `engine/core/graph.h` or in full, as a path of the worktree. Refuses what may not be read. */
export async function placeOf(desk: Desk, file: string): Promise<string> {
  const named = file.replace(/^\.\//, '')
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]*(\/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/.test(named))
    throw new ToolRefused(`${file}: a path inside the worktree is needed, without .. and hidden folders`)
  const below = (path: string): boolean => desk.readable.some((folder) => path.startsWith(folder))
  const places = [named, `trainer-native/${named}`, `${desk.editable}${named}`].filter(below)
  for (const place of places) if (await isThere(desk.dir, place)) return place
  if (places.length === 0) throw new ToolRefused(`${file}: only files below ${desk.readable.join(', ')} may be read`)
  throw new ToolRefused(`there is no file ${file}; use search to find it`)
}

/** A regular file with no link on the way to it. */
async function isThere(dir: string, place: string): Promise<boolean> {
  const parts = place.split('/')
  for (const [i] of parts.entries()) {
    const info = await lstat(join(dir, ...parts.slice(0, i + 1))).catch(() => undefined)
    if (info === undefined) return false
    if (info.isSymbolicLink()) throw new ToolRefused(`${place} leads over a link, which is not followed`)
    if (i === parts.length - 1) return info.isFile()
  }
  return false
}

export async function readText(desk: Desk, place: string): Promise<string> {
  const handle = await open(join(desk.dir, place), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  try {
    const { size } = await handle.stat()
    if (size > MOST_BYTES) throw new ToolRefused(`${place} has ${size} bytes; at most ${MOST_BYTES} are read`)
    return await handle.readFile('utf8')
  } finally {
    await handle.close()
  }
}
