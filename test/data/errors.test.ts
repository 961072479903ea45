// Each kind of bad input has its own sentence, and none of them harms what was prepared before.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { DataError } from '../../coordinator/src/data/errors.ts'
import { prepare, type PrepareOptions } from '../../coordinator/src/data/prepare.ts'
import { contents, english, folder, write } from './sample.ts'

const good = english(300_000)

/** Prepares good text, then fails with what `spoil` gives; the first data set must stand as it was and nothing beside it. */
async function refused(
  t: TestContext,
  spoil: (dir: string) => PrepareOptions,
  fault: string,
  message: RegExp,
): Promise<void> {
  const dir = folder(t)
  write(dir, { 'good.txt': good })
  const set = path.join(dir, 'set')
  await prepare({ dir: set, text: [path.join(dir, 'good.txt')], vocab: 400 })
  const before = contents(set)
  const open = openFiles()
  await assert.rejects(prepare({ dir: set, vocab: 400, force: true, ...spoil(dir) }), (error: unknown) => {
    assert.ok(error instanceof DataError, String(error))
    assert.equal(error.fault, fault, error.message)
    assert.match(error.message, message)
    return true
  })
  assert.deepEqual(contents(set), before)
  assert.deepEqual(
    fs.readdirSync(dir).filter((name) => name.startsWith('.')),
    [],
  )
  assert.equal(openFiles(), open, 'no file is left open')
}

function openFiles(): number {
  return fs.existsSync('/proc/self/fd')
    ? fs.readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).includes('swarm-data-')).length
    : 0
}
function linkOf(fd: string): string {
  try {
    return fs.readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return '' // the one readdir itself had open
  }
}

const file = (name: string, content: string | Buffer) => (dir: string) => ({
  text: [path.join(write(dir, { [name]: content }), name)],
})

test('empty file', (t) => refused(t, file('a.txt', ''), 'empty', /a\.txt is empty; give text/))
test('white space only', (t) =>
  refused(t, file('a.txt', ' \n'.repeat(500_000)), 'empty', /no text, only white space; give/))
test('a folder without text files names what it saw', (t) =>
  refused(
    t,
    (dir) => ({ text: [write(path.join(dir, 'in'), { 'a.pdf': 'x', 'b.docx': 'y', '.hidden.txt': 'z' })] }),
    'empty',
    /holds no \.txt \.text \.md file \(only \.docx \.pdf\); name another folder/,
  ))
test('too tiny says how much is needed', (t) =>
  refused(t, file('a.txt', good.slice(0, 150_000)), 'tiny', /1\d\d,\d{3} bytes of text are too few.*at least 200,000/))
test('no room for validation', (t) =>
  refused(
    t,
    (dir) => ({ ...file('a.txt', english(250_000))(dir), valShare: 0.0001 }),
    'tiny',
    /for validation and .* where 8,000 and 100,000 are needed; give more text or another --val-share/,
  ))
test('missing', (t) =>
  refused(
    t,
    (dir) => ({ text: [path.join(dir, 'nowhere.txt')] }),
    'missing',
    /nowhere\.txt does not exist; check the path/,
  ))
test('a socket, pipe or device', (t) =>
  refused(t, () => ({ text: ['/dev/null'] }), 'unreadable', /neither a file nor a folder/))
test('not UTF-8: the file and the byte', (t) =>
  refused(
    t,
    file(
      'latin.txt',
      Buffer.concat([Buffer.from('é plain '), Buffer.from('caf\xe9 noir', 'latin1'), Buffer.from(good)]),
    ),
    'not-utf8',
    /latin\.txt is not UTF-8 at byte 12; convert it first.*iconv/,
  ))
test('not UTF-8 far in, where two pieces of the file meet', (t) => {
  const bytes = Buffer.from(`${english((1 << 20) - 1)}€${good}`)
  bytes[(1 << 20) + 1] = 0x41 // the last byte of the euro sign, which begins in the first piece
  return refused(
    t,
    file('long.txt', bytes),
    'not-utf8',
    new RegExp(`long\\.txt is not UTF-8 at byte ${(1 << 20) - 1};`),
  )
})
test('cut off inside a character', (t) =>
  refused(
    t,
    file('cut.txt', Buffer.concat([Buffer.from(good), Buffer.of(0xe2, 0x82)])),
    'not-utf8',
    new RegExp(`not UTF-8 at byte ${Buffer.byteLength(good)};`),
  ))
test('UTF-16', (t) =>
  refused(t, file('wide.txt', Buffer.from(`\uFEFF${good}`, 'utf16le')), 'not-utf8', /looks like UTF-16; convert it/))
test('packed', (t) =>
  refused(t, file('a.txt', Buffer.from('\x1f\x8b\x08', 'latin1')), 'not-utf8', /packed by gzip; unpack it/))
test('a program', (t) =>
  refused(
    t,
    file('a.txt', Buffer.concat([Buffer.from('ELF'), Buffer.alloc(8), Buffer.from(good)])),
    'not-utf8',
    /zero byte at 3/,
  ))
test('Parquet given as text', (t) =>
  refused(t, file('a.parquet', 'PAR1'), 'not-utf8', /it is Parquet; give it with --parquet/))
test('vocabulary out of range', (t) =>
  refused(t, () => ({ vocab: 299 }), 'vocabulary', /300 to 30000 tokens.*not 299; choose one with --vocab/))
test('vocabulary beyond what the text gives', (t) =>
  refused(
    t,
    (dir) => ({ text: [path.join(dir, 'good.txt')], vocab: 30_000 }),
    'vocabulary',
    /too plain for a vocabulary of 30000: it gives \d+ at most/,
  ))
test('settings that cannot be', async (t) => {
  await refused(t, () => ({ valShare: 0.9 }), 'settings', /between 0\.0001 and 0\.5/)
  await refused(t, () => ({ passage: 3 }), 'settings', /100 to 1000000 bytes/)
  await refused(t, (dir) => ({ text: [dir], parquet: [dir] }), 'settings', /not both/)
})

test('a byte order mark is accepted and is no text', async (t) => {
  const dir = folder(t)
  write(dir, { 'a/book.txt': `\uFEFF${good}`, 'b/book.txt': good })
  const [marked, plain] = [
    await prepare({ dir: path.join(dir, 'x'), text: [path.join(dir, 'a')], vocab: 400 }),
    await prepare({ dir: path.join(dir, 'y'), text: [path.join(dir, 'b')], vocab: 400 }),
  ]
  assert.deepEqual(marked.manifest.files, plain.manifest.files)
})

test('folders are walked without links, hidden names and other endings; a file reached twice counts once', async (t) => {
  const dir = folder(t)
  write(dir, {
    'in/a.txt': english(250_000),
    'in/sub/b.MD': 'A short note about nothing in particular.',
    'in/c.log': 'no',
    'in/.git/d.txt': 'no',
    'outside.txt': 'no',
  })
  fs.symlinkSync(path.join(dir, 'outside.txt'), path.join(dir, 'in/link.txt'))
  fs.symlinkSync(dir, path.join(dir, 'in/loop'))
  const made = await prepare({
    dir: path.join(dir, 'set'),
    text: [path.join(dir, 'in'), path.join(dir, 'in/a.txt')],
    vocab: 400,
  })
  assert.equal(made.manifest.source.files, 2)
})

test('unreadable, and a place where one may not write', {
  skip: process.getuid?.() === 0 && !hasNobody() && 'root reads everything and there is no other user to try as',
}, (t) => {
  const dir = folder(t)
  write(dir, { 'a.txt': good, 'set/x.txt': '' })
  fs.chmodSync(dir, 0o755)
  fs.chmodSync(path.join(dir, 'a.txt'), 0o000)
  fs.chmodSync(path.join(dir, 'set'), 0o555)
  const attempt = (text: string, set: string) =>
    asOther(`
    const { prepare } = await import(${JSON.stringify(new URL('../../coordinator/src/data/prepare.ts', import.meta.url).href)})
    await prepare({ text: [${JSON.stringify(text)}], dir: ${JSON.stringify(set)} }).catch((error) => console.log(error.fault, error.message))`)
  assert.match(
    attempt(path.join(dir, 'a.txt'), path.join(dir, 'new')),
    /^unreadable .*a\.txt may not be read by this user; change its permissions/,
  )
  fs.chmodSync(path.join(dir, 'a.txt'), 0o644)
  assert.match(
    attempt(path.join(dir, 'a.txt'), path.join(dir, 'set/new')),
    /^unwritable .*this user may not write there; choose another folder/,
  )
})

/** As this user, or as nobody when this is root, whom permissions do not stop. */
function asOther(code: string): string {
  const node = [process.execPath, '--import', 'tsx', '--input-type=module', '-e', code]
  const [command, ...args] =
    process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', ...node] : node
  const { stdout, stderr } = spawnSync(command!, args, {
    encoding: 'utf8',
    cwd: new URL('../..', import.meta.url),
    env: { ...process.env, TMPDIR: '/tmp' },
  })
  return stdout || stderr
}
function hasNobody(): boolean {
  return (
    spawnSync('setpriv', [
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      process.execPath,
      '-e',
      `require('fs').readdirSync(${JSON.stringify(path.resolve('node_modules'))})`,
    ]).status === 0
  )
}
