// The files to read: what was named, and what stands in named folders. Their names are relative to what was named, so that
// the same text gives the same split and the same manifest wherever it lies.
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { DataError, cannotRead } from './errors.ts'

export interface InputFile {
  path: string
  name: string
  bytes: number
}

/**
 * A file that was named is taken whatever it is called. In a folder, files with one of `endings` are taken, at any depth;
 * names that begin with a dot and symbolic links are not. A file reached twice counts once.
 */
export function listInputs(paths: string[], endings: string[]): InputFile[] {
  const found = new Map<string, InputFile>()
  for (const named of paths) {
    let real: string, stat: fs.Stats
    try {
      real = fs.realpathSync(named)
      stat = fs.statSync(real)
    } catch (cause) {
      throw cannotRead(named, cause)
    }
    if (stat.isFile()) found.set(real, found.get(real) ?? { path: real, name: path.basename(named), bytes: stat.size })
    else if (stat.isDirectory()) {
      const before = found.size
      const others = new Set<string>()
      walk(real, '', endings, found, others)
      if (found.size === before && !anyInside(found, real)) {
        const seen = [...others].sort().slice(0, 8).join(' ')
        throw new DataError(
          'empty',
          `${named} holds no ${endings.join(' ')} file${seen ? ` (only ${seen})` : ''}; name another folder, or name files one by one`,
        )
      }
    } else
      throw new DataError('unreadable', `${named} is neither a file nor a folder; save what it gives into a file first`)
  }
  const files = [...found.values()]
  if (files.length > 0 && files.every((file) => file.bytes === 0)) {
    throw new DataError(
      'empty',
      `${files.length === 1 ? files[0]!.path : `all ${files.length} files`} ${files.length === 1 ? 'is' : 'are'} empty; give text`,
    )
  }
  return files.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
}

function anyInside(found: Map<string, InputFile>, dir: string): boolean {
  return [...found.keys()].some((file) => file.startsWith(dir + path.sep))
}

function walk(
  dir: string,
  prefix: string,
  endings: string[],
  found: Map<string, InputFile>,
  others: Set<string>,
): void {
  let entries: fs.Dirent[]
  try {
    entries = fs.readdirSync(dir, { withFileTypes: true })
  } catch (cause) {
    throw cannotRead(dir, cause)
  }
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue
    const file = path.join(dir, entry.name)
    const name = prefix + entry.name
    if (entry.isDirectory()) walk(file, `${name}/`, endings, found, others)
    else if (entry.isFile() && endings.some((ending) => entry.name.toLowerCase().endsWith(ending))) {
      found.set(file, found.get(file) ?? { path: file, name, bytes: fs.statSync(file).size })
    } else if (entry.isFile()) others.add(path.extname(entry.name) || entry.name)
  }
}

/** sha256 over name, size and bytes of every file, in order. */
export function digestInputs(files: InputFile[]): string {
  const hash = createHash('sha256')
  for (const file of files) {
    hash.update(`${file.name}\0${file.bytes}\0`)
    for (const chunk of chunksOf(file.path)) hash.update(chunk)
  }
  return hash.digest('hex')
}

/** The bytes of a file in pieces of exactly 1 MiB (the last one shorter). A piece is overwritten by the next. */
export function* chunksOf(file: string): Generator<Buffer> {
  let fd: number
  try {
    fd = fs.openSync(file, 'r')
  } catch (cause) {
    throw cannotRead(file, cause)
  }
  try {
    const buffer = Buffer.allocUnsafe(1 << 20)
    for (;;) {
      let used = 0
      for (let n = 1; n > 0 && used < buffer.length; used += n)
        n = fs.readSync(fd, buffer, used, buffer.length - used, null)
      if (used === 0) return
      yield buffer.subarray(0, used)
    }
  } catch (cause) {
    throw cannotRead(file, cause)
  } finally {
    fs.closeSync(fd)
  }
}
