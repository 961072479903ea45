// swarm prepare as a person or a script meets it: what stands on which stream, and the exit codes.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { english, folder, write } from './sample.ts'

const bin = fileURLToPath(new URL('../../bin/swarm.mjs', import.meta.url))

test('facts on stdout, progress on stderr; one data set a source and vocabulary in the state folder', (t) => {
  const dir = folder(t)
  write(dir, { 'book.txt': english(300_000) })
  const swarm = (...args: string[]) =>
    spawnSync(process.execPath, [bin, 'prepare', ...args], {
      encoding: 'utf8',
      cwd: dir,
      env: { ...process.env, SWARM_STATE: path.join(dir, 'state') },
    })
  const set = path.join(dir, 'state/data/text-v400')

  const made = swarm('--text', 'book.txt', '--vocab', '400', '--json')
  assert.equal(made.status, 0, made.stderr)
  const facts = JSON.parse(made.stdout)
  assert.deepEqual([facts.dir, facts.state, facts.name, facts.vocab], [set, 'prepared', 'text-v400', 400])
  assert.match(
    made.stderr,
    /^reading 1 file, 0\.30 MB\nlearning 140 merges from .*\nencoding [\d,]+ training documents/,
  )

  const again = swarm('--text', 'book.txt', '--vocab', '400')
  assert.equal(again.status, 0)
  assert.equal(again.stderr, '')
  assert.match(
    again.stdout,
    /^already prepared: .*text-v400\n {2}text-v400 {2}vocabulary 400 {2}[\d.]+ bytes a token {2}manifest [0-9a-f]{12}/,
  )

  assert.match(swarm('--check', '--text', 'book.txt', '--vocab', '400').stdout, /^every file is right: /)
  fs.truncateSync(path.join(set, 'val.bin'), 1000)
  const damaged = swarm('--check', '--data', set)
  assert.deepEqual([damaged.status, damaged.stdout], [1, ''])
  assert.match(
    damaged.stderr,
    /val\.bin is half-written: 1000 bytes where its header says \d+; run `swarm prepare --force`/,
  )

  for (const args of [
    ['--vocab', '12'],
    ['--vocab', 'x'],
    ['--val-share', '2'],
    ['--passage', 'some'],
    ['--text', 'a', '--parquet', 'b'],
  ]) {
    const wrong = swarm(...args)
    assert.deepEqual([wrong.status, wrong.stdout], [2, ''], args.join(' '))
  }
  const missing = swarm('--text', 'nowhere.txt', '--json')
  assert.deepEqual([missing.status, missing.stdout], [1, ''])
  assert.match(missing.stderr, /^swarm: nowhere\.txt does not exist; check the path/)
})
