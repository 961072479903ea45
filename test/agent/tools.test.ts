// The author's tools on a real worktree: what they show, what they change, and everything they refuse.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { build as runBuild } from '@swarm/agent/build'
import { isEnding } from '@swarm/agent/ending'
import { build } from '@swarm/agent/tools/build'
import type { Desk } from '@swarm/agent/tools/desk'
import { read } from '@swarm/agent/tools/read'
import { replace } from '@swarm/agent/tools/replace'
import { search } from '@swarm/agent/tools/search'
import { tryOut } from '@swarm/agent/tools/try'
import type { Tool } from '@swarm/shared/model/model'
import { type Bench, EDITABLE, openBench } from './bench.ts'

let bench: Bench
let desk: Desk
const signal = new AbortController().signal
const use = (tool: Tool, input: object): Promise<string> => tool.run(tool.input.parse(input), signal)

before(async () => {
  bench = await openBench()
  const tree = await bench.worktrees.at('a', bench.checkout.head)
  desk = {
    dir: tree.dir,
    editable: EDITABLE,
    readable: [EDITABLE, 'trainer-native/engine/'],
    tag: 'data-0123',
    workbench: {
      build: (s) =>
        runBuild({ tree, program: { editable: EDITABLE, scale: 'cpu' }, workshop: bench.workshop, signal: s }),
      firstSteps: async () => ({
        lines: ['step 10 loss 3.2'],
        ending: { outcome: 'diverged', cause: 'the loss is nan\x1b[2J' },
      }),
    },
  }
})
after(() => bench.close())

test('read shows numbered lines, quoted, by any name of the file, in parts', async () => {
  const all = await use(read(desk), { file: 'train.cu', from: null, to: null })
  assert.match(all, /^<data-0123 what="trainer-native\/experiment\/train.cu">\n1\t\/\/ The fake recipe/)
  assert.ok(all.endsWith('</data-0123>'))
  const part = await use(read(desk), { file: 'experiment/train.cu', from: 3, to: 4 })
  assert.match(part, /\n3\t.*\n4\tconstexpr float MUON_LR = 0.08f;\n<\/data-0123>\n\d+ lines in all; go on from 5\.$/)
  assert.match(await use(read(desk), { file: 'trainer-native/engine/engine.h', from: null, to: null }), /engine.h/)
})

test('search finds in the recipe and the engine, and nowhere else', async () => {
  assert.match(
    await use(search(desk), { pattern: 'MUON_LR|EMBED', below: null }),
    /experiment\/train.cu:4:constexpr float MUON_LR/,
  )
  assert.equal(await use(search(desk), { pattern: 'MUON_LR', below: 'engine' }), 'nothing matches')
  assert.equal(await use(search(desk), { pattern: 'make-judge', below: null }), 'nothing matches')
  await assert.rejects(use(search(desk), { pattern: '(', below: null }), /the search failed/)
  assert.equal(await use(search(desk), { pattern: '--output=/tmp/swarm-escaped', below: null }), 'nothing matches')
})

test('what is outside is neither read nor written: upwards, absolute, hidden, other rooms, links', async () => {
  const secret = join(bench.dir, 'secret.h')
  writeFileSync(secret, 'sk-secret')
  symlinkSync(secret, join(desk.dir, EDITABLE, 'link.h'))
  symlinkSync(bench.dir, join(desk.dir, EDITABLE, 'folder'))
  mkdirSync(join(desk.dir, EDITABLE, 'dir.h'))
  const outside = [
    '../../../secret.h',
    secret,
    '.git',
    'link.h',
    'folder/secret.h',
    'dir.h',
    'program.md',
    'trainer-native/harness/fake.cjs',
    'trainer-native/Makefile',
    '',
    'a/../train.cu',
  ]
  for (const file of outside) {
    await assert.rejects(use(read(desk), { file, from: null, to: null }), { name: 'ToolRefused' }, `read ${file}`)
    await assert.rejects(use(replace(desk), { file, old: 's', new: 'x' }), { name: 'ToolRefused' }, `replace ${file}`)
    await assert.rejects(
      use(replace(desk), { file: file || '/', old: '', new: 'x' }),
      { name: 'ToolRefused' },
      `make ${file}`,
    )
  }
  assert.equal(readFileSync(secret, 'utf8'), 'sk-secret')
  assert.ok(!(await use(search(desk), { pattern: 'sk-secret', below: null })).includes('sk-secret'))
  await assert.rejects(use(replace(desk), { file: 'engine/engine.h', old: 'e', new: 'x' }), /may not be edited|occurs/)
  assert.ok(!existsSync('/tmp/swarm-escaped'))
})

test('replace wants a text that is there once; dollars mean nothing; an empty old text makes a file', async () => {
  const recipe = (): string => readFileSync(join(desk.dir, EDITABLE, 'train.cu'), 'utf8')
  const before = recipe()
  await assert.rejects(use(replace(desk), { file: 'train.cu', old: 'nowhere', new: '' }), /does not occur/)
  await assert.rejects(use(replace(desk), { file: 'train.cu', old: 'constexpr', new: '' }), /occurs \d+ times/)
  assert.equal(recipe(), before)
  assert.equal(
    await use(replace(desk), { file: 'train.cu', old: '// The fake recipe', new: "// $& $1 $' The recipe" }),
    `replaced in ${EDITABLE}train.cu`,
  )
  assert.ok(recipe().startsWith("// $& $1 $' The recipe"))
  await assert.rejects(
    use(replace(desk), { file: 'train.cu', old: 'MUON_LR = 0.08f', new: 'x'.repeat(70_000) }),
    /at most 65536/,
  )
  assert.match(
    await use(replace(desk), { file: 'extra.h', old: '', new: '#pragma once\n' }),
    /made .*extra.h, 13 bytes/,
  )
  await assert.rejects(use(replace(desk), { file: 'extra.h', old: '', new: 'x' }), /there already/)
  await assert.rejects(use(replace(desk), { file: 'run.sh', old: '', new: 'x' }), /a new file is a source/)
})

test('build and try say what the swarm’s own steps say, cleaned', async () => {
  assert.equal(await use(build(desk), {}), 'it builds')
  const tried = await use(tryOut(desk), {})
  assert.match(
    tried,
    /^it ended as diverged\n<data-0123 what="the trainer">\nstep 10 loss 3\.2\nthe loss is nan\n<\/data-0123>$/,
  )
  await use(replace(desk), { file: 'train.cu', old: 'FAULT[] = "none"', new: 'FAULT[] = "build"' })
  const broken = await use(build(desk), {})
  assert.match(broken, /^it does not build\n<data-0123 what="the build">[\s\S]*error: expected ';'/)
  assert.ok(!broken.includes(bench.dir), 'no folder of this machine')
  assert.ok(isEnding(await desk.workbench.build(signal)))
})
