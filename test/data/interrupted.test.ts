// A prepare that is killed leaves the earlier data set as it was, and the next one clears what it left.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { prepare, type PrepareOptions } from '../../coordinator/src/data/prepare.ts'
import { contents, english, folder, write } from './sample.ts'

const module = new URL('../../coordinator/src/data/prepare.ts', import.meta.url).href

/** A prepared set, then another process that replaces it and gets `signal` when it says a line beginning with `when`. */
async function interrupted(
  t: TestContext,
  signal: NodeJS.Signals,
  when: string,
): Promise<{ dir: string; options: PrepareOptions; left: string[] }> {
  const dir = folder(t)
  write(dir, { 'small.txt': english(300_000), 'big.txt': english(2_000_000) })
  const set = path.join(dir, 'set')
  await prepare({ dir: set, text: [path.join(dir, 'small.txt')], vocab: 400 })
  const before = contents(set)
  const options = { dir: set, text: [path.join(dir, 'big.txt')], vocab: 1024, force: true }
  const code = `const { prepare } = await import(${JSON.stringify(module)}); await prepare({ ...${JSON.stringify(options)}, say: (line) => console.log(line) })`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (said.split('\n').some((line) => line.startsWith(when))) child.kill(signal)
  })
  const [, got] = (await once(child, 'exit')) as [number | null, string | null]
  assert.equal(got, signal, `it ended by the signal, having said: ${said}`)
  assert.deepEqual(contents(set), before)
  return { dir, options, left: fs.readdirSync(dir).filter((name) => name.startsWith('.')) }
}

for (const when of ['learning', 'encoding']) {
  test(`kill -9 while ${when}`, async (t) => {
    const { dir, options, left } = await interrupted(t, 'SIGKILL', when)
    assert.equal(left.length, 1)
    assert.match(left[0]!, /^\.set\.partial-\d+-/)
    assert.equal((await prepare(options)).state, 'prepared')
    assert.deepEqual(fs.readdirSync(dir).sort(), ['big.txt', 'set', 'small.txt'])
  })
}

test('SIGTERM leaves nothing at all', async (t) => {
  assert.deepEqual((await interrupted(t, 'SIGTERM', 'encoding')).left, [])
})

test('killed between the two renames: the earlier data set comes back', async (t) => {
  const dir = folder(t)
  write(dir, { 'small.txt': english(300_000) })
  const options = { dir: path.join(dir, 'set'), text: [path.join(dir, 'small.txt')], vocab: 400 }
  const { hash } = await prepare(options)
  const dead = spawnSync(process.execPath, ['-e', '']).pid
  fs.renameSync(options.dir, path.join(dir, `.set.replaced-${dead}-1`))
  fs.mkdirSync(path.join(dir, `.set.partial-${dead}-1`))
  fs.mkdirSync(path.join(dir, `.set.partial-${process.pid}-of an earlier process with this number`))
  fs.mkdirSync(path.join(dir, `.other.partial-${dead}-1`))
  const again = await prepare(options)
  assert.deepEqual([again.state, again.hash], ['unchanged', hash])
  assert.deepEqual(fs.readdirSync(dir).sort(), [`.other.partial-${dead}-1`, 'set', 'small.txt'])
})

test('two at once: both end well and one whole data set stands', async (t) => {
  const dir = folder(t)
  write(dir, { 'a.txt': english(300_000) })
  const code = `const { prepare } = await import(${JSON.stringify(module)}); const { hash } = await prepare({ dir: ${JSON.stringify(path.join(dir, 'set'))}, text: [${JSON.stringify(path.join(dir, 'a.txt'))}], vocab: 400, force: true }); console.log(hash)`
  const runs = [0, 1].map(async () => {
    const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let said = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
    const [status] = (await once(child, 'exit')) as [number | null]
    assert.equal(status, 0)
    return said
  })
  const [one, two] = await Promise.all(runs)
  assert.equal(one, two)
  assert.deepEqual(fs.readdirSync(dir).sort(), ['a.txt', 'set'])
})
