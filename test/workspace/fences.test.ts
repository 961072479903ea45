// Each fence of the design, with a violation planted in a small copy of the workspace: it is refused, and honest code is not.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const checkout = fileURLToPath(new URL('../../', import.meta.url))
// Plain Node without types of its own, as it runs before any package is there.
const { fencesBroken } = (await import(join(checkout, 'scripts', 'fences.mjs'))) as {
  fencesBroken(folder: string): string[]
}
const folder = mkdtempSync(join(tmpdir(), 'swarm-fences-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function write(file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true })
  writeFileSync(join(folder, file), text)
}

const constants = (lines: number): string =>
  Array.from({ length: lines }, (_, i) => `export const a${i} = ${i}\n`).join('')

/** file → the rule that must refuse it. Every line imports something and uses it, so that no other rule has a say. */
const PLANTED: Record<string, [rule: string, text: string]> = {
  'shared/src/up.ts': ['noRestrictedImports', "export { x } from '@swarm/coordinator/x'\n"],
  'shared/src/over.ts': ['noRestrictedImports', "export { x } from '../../agent/src/loop.ts'\n"],
  'coordinator/src/to-agent.ts': ['noRestrictedImports', "export { x } from '../../agent/src/loop.ts'\n"],
  'coordinator/src/to-agent-by-name.ts': ['noRestrictedImports', "export type { X } from '@swarm/agent/loop'\n"],
  'coordinator/src/opens-lmdb.ts': ['noRestrictedImports', "export { open } from 'lmdb'\n"],
  'coordinator/src/cli/opens-lmdb.ts': ['noRestrictedImports', "export { open } from 'lmdb'\n"],
  'coordinator/src/tui/reads-board.tsx': ['noRestrictedImports', "export { x } from '../board/read.ts'\n"],
  'coordinator/src/tui/parts/reads-board.tsx': ['noRestrictedImports', "export { x } from '../../board/read.ts'\n"],
  'coordinator/src/web/reads-home.ts': ['noRestrictedImports', "export { x } from '../home.ts'\n"],
  'agent/src/to-coordinator.ts': ['noRestrictedImports', "export { x } from '@swarm/coordinator/x'\n"],
  'agent/src/build.ts': ['noRestrictedImports', "export { x } from './run.ts'\n"],
  'agent/src/verify.ts': ['noRestrictedImports', "export type { X } from './result.ts'\n"],
  'agent/src/researchers/step.ts': ['noRestrictedImports', "export { x } from '../claim.ts'\n"],
  'agent/src/main.ts': ['noRestrictedImports', "export { x } from '../../coordinator/src/home.ts'\n"],
  'shared/src/undeclared.ts': ['noUndeclaredDependencies', "export { x } from 'left-pad'\n"],
  'shared/src/bare.ts': ['useImportExtensions', "export { x } from './fine'\n"],
  'coordinator/src/long.ts': ['noExcessiveLinesPerFile', constants(301)],
  'coordinator/src/circle-a.ts': ['noImportCycles', "import { b } from './circle-b.ts'\nexport const a = () => b\n"],
  'coordinator/src/circle-b.ts': ['noImportCycles', "import { a } from './circle-a.ts'\nexport const b = () => a\n"],
}
const HONEST: Record<string, string> = {
  'shared/src/fine.ts': "import { z } from 'zod'\nexport const x = z.string()\n",
  'coordinator/src/board/opens.ts': "export { open } from 'lmdb'\n",
  'coordinator/src/uses.ts': "import { x } from '@swarm/shared/fine'\nexport const y = x\n",
  'coordinator/src/tui/screen.tsx':
    "import { x } from '@swarm/shared/fine'\nimport { row } from './row.ts'\nexport const y = [x, row]\n",
  'coordinator/src/tui/row.ts': 'export const row = 1\n',
  'coordinator/src/tui/parts/bar.tsx': "export { row } from '../row.ts'\n",
  'agent/src/loop.ts': "export { x } from './claim.ts'\nexport { x as y } from './rebase.ts'\n",
  'agent/src/claim.ts': "export { x } from '@swarm/shared/fine'\n",
  'agent/src/rebase.ts': 'export const x = 1\n',
  'coordinator/src/just-fits.ts': constants(300),
}

const refused = new Map<string, string[]>()

before(() => {
  for (const file of [
    'biome.json',
    'package.json',
    'shared/package.json',
    'coordinator/package.json',
    'agent/package.json',
    '.gitignore',
  ]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    copyFileSync(join(checkout, file), join(folder, file))
  }
  for (const [file, text] of Object.entries(HONEST)) write(file, text)
  for (const [file, [, text]] of Object.entries(PLANTED)) write(file, text)
  execFileSync('git', ['init', '-q'], { cwd: folder })
  const biome = join(checkout, 'node_modules', '.bin', 'biome')
  const { stdout } = spawnSync(biome, ['lint', '--reporter=json', '--max-diagnostics=none', '.'], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  })
  const report = JSON.parse(stdout) as {
    diagnostics: { category: string; location?: { path?: string | { file?: string } } }[]
  }
  for (const { category, location } of report.diagnostics) {
    const at = typeof location?.path === 'string' ? location.path : (location?.path?.file ?? '')
    refused.set(at, [...(refused.get(at) ?? []), category.split('/').at(-1) ?? ''])
  }
})

for (const [file, [rule]] of Object.entries(PLANTED)) {
  test(`${file} is refused by ${rule}`, () => {
    assert.ok(refused.get(file)?.includes(rule), `found: ${refused.get(file)?.join(', ') ?? 'nothing'}`)
  })
}

test('honest code passes every fence', () => {
  for (const file of Object.keys(HONEST)) assert.deepEqual(refused.get(file) ?? [], [], file)
})

test('a native source of 301 lines and a name that says nothing are refused; 300 lines and plain names are not', () => {
  write('trainer-native/engine/long.cpp', '\n'.repeat(301))
  write('trainer-native/engine/fits.h', '\n'.repeat(300))
  write('coordinator/src/string-utils.ts', 'export const x = 1\n')
  write('coordinator/src/commonest.ts', 'export const x = 1\n')
  const broken = fencesBroken(folder)
  assert.equal(broken.length, 2, broken.join('\n'))
  assert.match(broken.join('\n'), /string-utils\.ts: the name says nothing/)
  assert.match(broken.join('\n'), /long\.cpp: 301 lines, at most 300/)
})
