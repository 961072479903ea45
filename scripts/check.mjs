// npm run check: types, style, fences. Each says what it found; the exit code is 0 only when all are content.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { fencesBroken } from './fences.mjs'
import { root } from './steps.mjs'

const bin = (name) => join(root, 'node_modules', '.bin', name)

function runQuiet(file, args) {
  return new Promise((done) => {
    const child = spawn(file, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, FORCE_COLOR: process.stdout.isTTY ? '1' : '0' },
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    child.on('error', (error) => done({ code: 1, output: error.message }))
    child.on('close', (code) => done({ code: code ?? 1, output }))
  })
}

const [types, style] = await Promise.all([
  runQuiet(bin('tsc'), ['--noEmit', '-p', '.']),
  runQuiet(bin('biome'), ['check', '--error-on-warnings', '--max-diagnostics=200', '.']),
])
const fences = fencesBroken(root)
const rows = [
  ['types (tsc)', types.code === 0, types.output],
  ['style and arrows (biome)', style.code === 0, style.output],
  ['fences (lines, names)', fences.length === 0, fences.join('\n')],
]
for (const [name, ok, output] of rows) console.log(ok ? `ok      ${name}` : `${output.trimEnd()}\nfailed  ${name}`)
if (style.code !== 0) console.log('\nMost of style is mended by: npx biome check --write .')
process.exitCode = rows.every(([, ok]) => ok) ? 0 : 1
