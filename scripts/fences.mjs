// Fences that Biome does not know: lines of native sources, and words that say nothing in file names.
// (Arrows between rooms, cycles, undeclared dependencies and lines of TypeScript are rules in biome.json.)
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

const LINES = 300
const NATIVE = /\.(c|cc|cpp|cu|cuh|h|hpp|sh)$/
/** Names of one word that could hold anything. */
const EMPTY_WORDS = /(^|[-_.])(manager|handler|helper|helpers|util|utils|service|common|misc)([-_.]|$)/i

/** Files of a checkout: tracked, and new ones git does not ignore. */
function filesOf(folder) {
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  return [...new Set(listed.split('\0').filter((f) => f !== ''))].sort()
}

/** One sentence for each broken fence. */
export function fencesBroken(folder) {
  const broken = []
  for (const file of filesOf(folder)) {
    if (EMPTY_WORDS.test(basename(file))) broken.push(`${file}: the name says nothing; name the one thing in it`)
    if (!NATIVE.test(file)) continue
    let text
    try {
      text = readFileSync(join(folder, file), 'utf8')
    } catch {
      continue // deleted, not yet committed
    }
    const lines = text.split('\n').length - (text.endsWith('\n') ? 1 : 0)
    if (lines > LINES) broken.push(`${file}: ${lines} lines, at most ${LINES}; give a part of it a file of its own`)
  }
  return broken
}
