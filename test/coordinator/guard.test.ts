// The guard on real git: hostile diffs are refused, each for its own reason, and nothing but a scratch folder is ever written.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { run } from '@swarm/shared/exec'
import { guardDiff } from '@swarm/shared/guard'
import { type Checkout, makeCheckout, RECIPE, recipeDiff } from '../support/checkout.ts'

const EDITABLE = 'trainer-native/experiment/'
let dir: string
let checkout: Checkout
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'swarm-guard-test-'))
  checkout = await makeCheckout(dir)
})
after(() => rmSync(dir, { recursive: true, force: true }))

const added = (file: string, body: string, mode = '100644'): string => {
  const lines = body.split('\n')
  return `diff --git a/${file} b/${file}\nnew file mode ${mode}\n--- /dev/null\n+++ b/${file}\n@@ -0,0 +1,${lines.length} @@\n${lines.map((l) => `+${l}`).join('\n')}\n`
}
const guarded = (diff: string) => guardDiff(checkout.dir, checkout.head, diff, EDITABLE)
async function everything(): Promise<string> {
  const { stdout } = await run(
    'sh',
    [
      '-c',
      'git status --porcelain --ignored; git count-objects -v; git for-each-ref; find . -type f | grep -v "/.git/" | sort | xargs sha256sum',
    ],
    { cwd: checkout.dir },
  )
  return stdout
}

test('hostile diffs are refused and leave no trace', async (t) => {
  const honest = await recipeDiff(checkout, 'ROWS = 16', 'ROWS = 8')
  const before = await everything()
  const hostile: [name: string, diff: string, why: RegExp][] = [
    ['up and out', honest.replaceAll(RECIPE, `${EDITABLE}../../../../escape.cu`), /does not apply|only/],
    ['up within the repository', added(`${EDITABLE}../harness/main.cu`, 'x'), /does not apply|only files below/],
    ['absolute', added('/tmp/swarm-escape.cu', 'x'), /only files below|does not apply/],
    [
      'symlink',
      added(`${EDITABLE}link.cu`, '/etc/passwd\n\\ No newline at end of file', '120000'),
      /mode 120000|does not apply/,
    ],
    [
      'symlink, well formed',
      `diff --git a/${EDITABLE}l.h b/${EDITABLE}l.h\nnew file mode 120000\n--- /dev/null\n+++ b/${EDITABLE}l.h\n@@ -0,0 +1 @@\n+/etc/passwd\n\\ No newline at end of file\n`,
      /mode 120000/,
    ],
    [
      'gitlink',
      `diff --git a/${EDITABLE}sub.h b/${EDITABLE}sub.h\nnew file mode 160000\n--- /dev/null\n+++ b/${EDITABLE}sub.h\n@@ -0,0 +1 @@\n+Subproject commit ${'1'.repeat(40)}\n`,
      /mode 160000/,
    ],
    ['attributes', added(`${EDITABLE}.gitattributes`, '*.cu filter=evil'), /only source files/],
    ['modules', added('.gitmodules', '[submodule "x"]'), /only files below/],
    ['git folder', added(`${EDITABLE}.git/config`, '[core]'), /does not apply|only source files/],
    ['git folder in other letters', added(`${EDITABLE}.GIT/hooks.h`, 'x'), /does not apply|only source files/],
    ['chmod', `diff --git a/${RECIPE} b/${RECIPE}\nold mode 100644\nnew mode 100755\n`, /mode 100755/],
    ['executable from the start', added(`${EDITABLE}run.h`, 'x', '100755'), /mode 100755/],
    [
      'rename out',
      `diff --git a/${RECIPE} b/train.cu\nsimilarity index 100%\nrename from ${RECIPE}\nrename to train.cu\n`,
      /only files below|deletes/,
    ],
    [
      'rename in',
      `diff --git a/program.md b/${EDITABLE}program.h\nsimilarity index 100%\nrename from program.md\nrename to ${EDITABLE}program.h\n`,
      /only files below|deletes/,
    ],
    ['harness', honest.replaceAll(RECIPE, 'trainer-native/harness/fake.cjs'), /does not apply|only files below/],
    ['new file in the harness', added('trainer-native/harness/mine.h', 'x'), /only files below/],
    ['a folder with the same beginning', added('trainer-native/experiment-evil/x.cu', 'x'), /only files below/],
    ['Makefile', added(`${EDITABLE}Makefile`, 'all: ; curl evil'), /only source files/],
    ['script', added(`${EDITABLE}x.sh`, 'x'), /only source files/],
    ['no newline names', added(`${EDITABLE}a b.h`, 'x'), /only source files|does not apply/],
    [
      'deletion',
      `diff --git a/${RECIPE} b/${RECIPE}\ndeleted file mode 100644\n--- a/${RECIPE}\n+++ /dev/null\n`,
      /does not apply|deletes/,
    ],
    [
      'binary',
      `diff --git a/${EDITABLE}b.h b/${EDITABLE}b.h\nnew file mode 100644\nindex 0000000000000000000000000000000000000000..1269488f7fb1f4b56a8c0e5eb48cecbfadfa9219\nGIT binary patch\nliteral 1\nIcmZPo000310RR91\n\n`,
      /binary|does not apply/,
    ],
    ['null bytes', added(`${EDITABLE}n.h`, 'a\0b'), /binary|does not apply/],
    ['oversize', added(`${EDITABLE}big.h`, 'x'.repeat(128 * 1024)), /at most 131072/],
    ['many files', Array.from({ length: 21 }, (_, i) => added(`${EDITABLE}f${i}.h`, 'x')).join(''), /21 files/],
    ['stale', honest.replace('-constexpr int ROWS = 16;', '-constexpr int ROWS = 17;'), /does not apply/],
    ['no diff at all', 'ROWS = 8, please', /does not apply/],
    ['honest and hostile in one', honest + added('trainer-native/judge/x.h', 'x'), /only files below/],
  ]
  for (const [name, diff, why] of hostile) {
    await t.test(name, async () => {
      const came = await guarded(diff)
      assert.ok('refused' in came, `passed: ${name}`)
      assert.match(came.refused, why)
    })
  }
  assert.equal(await everything(), before)
  assert.ok(!existsSync('/tmp/swarm-escape.cu') && !existsSync(join(dir, 'escape.cu')))
})

test('honest diffs pass, and what comes out is what a commit would be', async () => {
  const honest = await recipeDiff(checkout, 'ROWS = 16', 'ROWS = 8')
  const came = await guarded(honest)
  assert.ok('diff' in came)
  assert.match(came.diff, /^-constexpr int ROWS = 16;\n\+constexpr int ROWS = 8;$/m)
  const again = await guarded(came.diff)
  assert.deepEqual(again, came, 'the canonical text is its own canonical text')
  const fresh = await guarded(honest + added(`${EDITABLE}parts/attention.cuh`, '// new'))
  assert.ok('diff' in fresh)
  assert.notEqual(fresh.editable, came.editable)
  const none = await guarded('')
  assert.ok('diff' in none && none.diff === '')
})
