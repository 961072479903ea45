// The guard at the agent: an honest edit passes as the text it is, everything else is refused before anything is built.
import assert from 'node:assert/strict'
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { author } from '@swarm/agent/author'
import { takeDiff } from '@swarm/agent/diff'
import { isEnding } from '@swarm/agent/ending'
import { search } from '@swarm/agent/researchers/search'
import type { Workbench } from '@swarm/agent/tools/desk'
import type { Worktree } from '@swarm/agent/tree'
import { run } from '@swarm/shared/exec'
import { git } from '@swarm/shared/git'
import { Program } from '@swarm/shared/program'
import { type Bench, EDITABLE, openBench } from './bench.ts'

let bench: Bench
before(async () => {
  bench = await openBench()
})
after(() => bench.close())

const fresh = (): Promise<Worktree> => bench.worktrees.at('a', bench.checkout.head)
const recipe = (tree: Worktree): string => join(tree.dir, EDITABLE, 'train.cu')

test('an honest edit is the diff that makes the same tree, a new file beside it included', async () => {
  const tree = await fresh()
  writeFileSync(recipe(tree), readFileSync(recipe(tree), 'utf8').replace('0.08f', '0.05f'))
  writeFileSync(join(tree.dir, EDITABLE, 'ops.h'), '#pragma once\n\n')
  const diff = await takeDiff(tree, EDITABLE)
  assert.ok(!isEnding(diff), JSON.stringify(diff))
  assert.ok(diff.text.endsWith('\n'))
  assert.equal((await run('git', ['apply', '--check', '-'], { cwd: bench.checkout.dir, input: diff.text })).code, 0)
  const again = await fresh()
  assert.equal((await again.apply(diff.text)).applied, true)
  assert.deepEqual(await takeDiff(again, EDITABLE), diff)
})

test('an edit of the same length that leaves the file times as they were is an edit all the same', async () => {
  const tree = await fresh()
  const long = new Date(Date.now() - 100_000)
  await tree.git(['config', 'core.trustctime', 'false'])
  try {
    utimesSync(recipe(tree), long, long)
    await tree.git(['update-index', '--refresh'])
    writeFileSync(recipe(tree), readFileSync(recipe(tree), 'utf8').replace('0.08f', '0.05f'))
    utimesSync(recipe(tree), long, long)
    assert.equal(await tree.git(['diff', '--stat']), '', 'git itself, by its memory of times, sees nothing')
    const diff = await takeDiff(tree, EDITABLE)
    assert.ok(!isEnding(diff), JSON.stringify(diff))
    assert.match(diff.text, /^\+.*0\.05f/m)
  } finally {
    await tree.git(['config', '--unset', 'core.trustctime'])
    rmSync(recipe(tree))
  }
})

test('no edit is an empty diff, and a slot is as clean as new every time', async () => {
  const dirty = await fresh()
  writeFileSync(join(dirty.dir, EDITABLE, 'left.h'), 'x')
  mkdirSync(join(dirty.dir, 'trainer-native/build'), { recursive: true })
  writeFileSync(join(dirty.dir, 'trainer-native/build/ignored'), 'x')
  const tree = await fresh()
  assert.ok(!existsSync(join(tree.dir, EDITABLE, 'left.h')))
  assert.ok(!existsSync(join(tree.dir, 'trainer-native/build')))
  const diff = await takeDiff(tree, EDITABLE)
  assert.ok(isEnding(diff) && diff.outcome === 'empty-diff')
})

/** Edits straight in the worktree, as a model with tools could make them. */
const HOSTILE: Record<string, (tree: Worktree) => void> = {
  'a frozen file': (t) => appendFileSync(join(t.dir, 'trainer-native/judge/judge.h'), '// milder\n'),
  'the Makefile': (t) => appendFileSync(join(t.dir, 'trainer-native/Makefile'), '\n'),
  'a new file elsewhere': (t) => writeFileSync(join(t.dir, 'README.md'), 'hello'),
  'an ignored file': (t) => {
    mkdirSync(join(t.dir, 'trainer-native/build'), { recursive: true })
    writeFileSync(join(t.dir, 'trainer-native/build/judge'), '#!/bin/sh\n')
  },
  'a deleted frozen file': (t) => unlinkSync(join(t.dir, 'trainer-native/engine/engine.h')),
  'a sibling with the same beginning': (t) => {
    mkdirSync(join(t.dir, 'trainer-native/experiment2'))
    writeFileSync(join(t.dir, 'trainer-native/experiment2/train.cu'), 'x')
  },
  'a symbolic link': (t) => symlinkSync('/etc/passwd', join(t.dir, EDITABLE, 'data.h')),
  'the recipe turned into a link': (t) => {
    unlinkSync(recipe(t))
    symlinkSync('../Makefile', recipe(t))
  },
  'an executable recipe': (t) => chmodSync(recipe(t), 0o755),
  attributes: (t) => writeFileSync(join(t.dir, EDITABLE, '.gitattributes'), '* filter=evil\n'),
  'binary content': (t) => writeFileSync(join(t.dir, EDITABLE, 'table.h'), Buffer.from([0, 1, 2, 255, 0])),
  'broken UTF-8': (t) => appendFileSync(recipe(t), Buffer.from([0x2f, 0x2f, 0xff, 0xfe, 0x0a])),
  'a giant': (t) => writeFileSync(join(t.dir, EDITABLE, 'table.h'), 'int x;\n'.repeat(40_000)),
  'too many files': (t) => {
    for (let i = 0; i < 40; i++) writeFileSync(join(t.dir, EDITABLE, `f${i}.h`), 'x\n')
  },
  'an empty folder left': (t) => rmSync(join(t.dir, EDITABLE), { recursive: true }),
}
for (const [what, edit] of Object.entries(HOSTILE)) {
  test(`refused: ${what}`, async () => {
    const tree = await fresh()
    edit(tree)
    const diff = await takeDiff(tree, EDITABLE)
    assert.ok(isEnding(diff), `${what} passed`)
    assert.equal(diff.outcome, 'diff-rejected', diff.cause)
    assert.ok((diff.cause ?? '').length > 10)
  })
}

/** Patches as a stranger could send them. */
const file = (path: string, mode: string, text: string): string =>
  `diff --git a/${path} b/${path}\nnew file mode ${mode}\nindex 0000000000000000000000000000000000000000..1111111111111111111111111111111111111111\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+${text}\n`
const NO_BENCH: Workbench = {
  build: () => Promise.reject(new Error('search does not build')),
  firstSteps: () => Promise.reject(new Error('search does not try')),
}
const PATCHES: Record<string, string> = {
  'a path upwards': file(`${EDITABLE}../../../escaped`, '100644', 'x'),
  'an absolute path': file('/tmp/swarm-escaped', '100644', 'x'),
  'into .git': file('.git/hooks/post-checkout', '100755', 'touch /tmp/never'),
  'a link to a secret': file(`${EDITABLE}data.h`, '120000', '/etc/passwd'),
  'an executable': file(`${EDITABLE}run.h`, '100755', 'x'),
  'outside the folder': file('trainer-native/harness/extra.h', '100644', 'x'),
  'no patch at all': 'rm -rf /\n',
}
for (const [what, diff] of Object.entries(PATCHES)) {
  test(`refused patch: ${what}`, async () => {
    const tree = await fresh()
    const hypothesis = { id: 'h0001', title: what, origin: 'human' as const, edits: [], diff }
    const written = await author({
      tree,
      hypothesis,
      experiment: 'e0001',
      program: Program.parse({}),
      workbench: NO_BENCH,
      researcher: search,
      signal: new AbortController().signal,
    })
    const ending = isEnding(written) ? written : await takeDiff(tree, EDITABLE)
    assert.ok(isEnding(ending), `${what} passed`)
    assert.equal(ending.outcome, 'diff-rejected', ending.cause)
    assert.ok(!existsSync('/tmp/swarm-escaped') && !existsSync(join(bench.dir, 'escaped')))
  })
}

test('a repository inside the folder is refused, and a hidden file beside the edit is gone before the build', async () => {
  const tree = await fresh()
  const inner = join(tree.dir, EDITABLE, 'inner')
  mkdirSync(inner)
  await git(inner, ['init', '-q', '.'])
  const who = ['-c', 'user.name=x', '-c', 'user.email=x@localhost']
  await git(inner, [...who, 'commit', '-q', '--allow-empty', '-m', 'x'])
  const diff = await takeDiff(tree, EDITABLE)
  assert.ok(isEnding(diff) && diff.outcome === 'diff-rejected', JSON.stringify(diff))

  const again = await fresh()
  mkdirSync(join(again.dir, EDITABLE, 'inner/.git'), { recursive: true })
  writeFileSync(join(again.dir, EDITABLE, 'inner/.git/hidden.h'), 'int cheat;\n')
  writeFileSync(recipe(again), `${readFileSync(recipe(again), 'utf8')}#include "inner/.git/hidden.h"\n`)
  const open = await takeDiff(again, EDITABLE)
  assert.ok(!isEnding(open) && !open.text.includes('cheat'))
  assert.ok(!existsSync(join(again.dir, EDITABLE, 'inner')), 'what is built is what the diff says')
  assert.match(readFileSync(recipe(again), 'utf8'), /hidden\.h/)
})

test('what a trainer leaves in a worktree’s .git is never read by git', async () => {
  const tree = await fresh()
  const mark = join(bench.dir, 'ran')
  rmSync(join(tree.dir, '.git'), { force: true, recursive: true })
  await git(tree.dir, ['init', '-q', '.'])
  writeFileSync(join(tree.dir, '.git/config'), `[core]\n\tfsmonitor = touch ${mark}\n\thooksPath = ${bench.dir}\n`)
  writeFileSync(join(bench.dir, 'post-checkout'), `#!/bin/sh\ntouch ${mark}\n`, { mode: 0o755 })
  await takeDiff(tree, EDITABLE)
  const clean = await fresh()
  assert.ok(!existsSync(mark))
  assert.ok(isEnding(await takeDiff(clean, EDITABLE)))
})
