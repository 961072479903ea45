// What follows the set-up: a swarm, the tests, the checks, or a benchmark.
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root } from './steps.mjs'

/** Test files below a folder, sorted. Node 20 expands no patterns, and without files it runs none and calls that good. */
function testFiles(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.test\.(ts|tsx)$/.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort()
}

const LIMITS = [
  // Two at a time: more would share two cores with trainers and servers, and time-outs would measure the machine.
  '--test-concurrency=2',
  // A file that takes half an hour hangs: it is ended and has failed, so that the others are still heard of.
  `--test-timeout=${30 * 60_000}`,
]

/** `npm test -- WORD…` runs the files with one of the words in their path; words with a dash go to the test runner. */
function testCommand(args) {
  const words = args.filter((a) => !a.startsWith('-'))
  const flags = args.filter((a) => a.startsWith('-'))
  const files = testFiles(join(root, 'test')).filter(
    (file) => words.length === 0 || words.some((w) => relative(root, file).includes(w)),
  )
  if (files.length === 0) {
    console.error(
      `no test file has ${words.map((w) => `"${w}"`).join(' or ')} in its path; they stand in ${join(root, 'test')}`,
    )
    process.exit(2)
  }
  return { file: process.execPath, args: ['--import', 'tsx', '--test', ...LIMITS, ...flags, ...files] }
}

/** A swarm runs where it was asked for, so that folders on its command line mean what they say; the rest runs in the checkout. */
export function commandFor(next, args) {
  if (next === 'test') return { ...testCommand(args), cwd: root }
  if (next === 'check')
    return { file: process.execPath, args: [join(root, 'scripts', 'check.mjs'), ...args], cwd: root }
  if (next === 'bench')
    return {
      file: process.execPath,
      args: ['--import', 'tsx', join(root, 'scripts', 'bench', 'trainer.ts'), ...args],
      cwd: root,
    }
  const cwd = process.env.INIT_CWD ?? process.cwd()
  return { file: process.execPath, args: [join(root, 'bin', 'swarm.mjs'), 'up', ...args], cwd }
}
