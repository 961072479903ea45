// Golden texts: what is made now must be what a person has read and kept. UPDATE=1 writes them anew; the diff is then read.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

/** `golden('director/golden/x.txt', text)`, the file relative to the folder test. */
export function golden(file: string, text: string): void {
  const at = fileURLToPath(new URL(`../${file}`, import.meta.url))
  if (process.env.UPDATE !== undefined) {
    mkdirSync(dirname(at), { recursive: true })
    writeFileSync(at, text)
  }
  assert.ok(existsSync(at), `${at} is not there; make it with UPDATE=1 and read it`)
  assert.equal(
    text,
    readFileSync(at, 'utf8'),
    `${at} differs; if that is meant, write it with UPDATE=1 and read the diff`,
  )
}
