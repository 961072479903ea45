// The preset of the reference: shards from a server that cuts, is busy, ignores Range and sends other bytes; what is kept when it ends in
// the middle; and the data set they make.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { after, before, beforeEach, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { DataError } from '../../coordinator/src/data/errors.ts'
import { climbmix, HELD_SHARD, type Shards } from '../../coordinator/src/data/download/climbmix.ts'
import { prepare } from '../../coordinator/src/data/prepare.ts'
import { WHOLE } from '../../coordinator/src/data/settings.ts'
import { type ShardServer, shardServer } from '../support/shard-server.ts'
import { english, folder } from './sample.ts'

const bin = fileURLToPath(new URL('../../bin/swarm.mjs', import.meta.url))
const text = english(600_000)
/** Rows of about 1 kB; every shard its own piece of the text. */
const rowsOf = (piece: number): string[] =>
  Array.from(
    { length: 200 },
    (_, i) => `shard ${piece} row ${i}. ${text.slice((200 * piece + i) * 900, (200 * piece + i + 1) * 900)}`,
  )
const shardOf = (piece: number): Buffer =>
  Buffer.from(
    parquetWriteBuffer({ columnData: [{ name: 'text', data: rowsOf(piece), type: 'STRING' }], codec: 'UNCOMPRESSED' }),
  )
const shards: Record<string, Buffer> = {
  'shard_00000.parquet': shardOf(0),
  'shard_00001.parquet': shardOf(1),
  [HELD_SHARD]: shardOf(2),
}
const FIRST = 'shard_00000.parquet'
const size = (shards[FIRST] as Buffer).length

let server: ShardServer
let linked: ShardServer
before(async () => {
  linked = await shardServer(shards, { linked: true })
})
beforeEach(async () => {
  server?.close()
  server = await shardServer(shards)
})
after(() => {
  server.close()
  linked.close()
})

interface Fetch {
  said: string[]
  dir: string
  run: (from?: ShardServer) => Promise<Shards>
}
function fetching(t: TestContext): Fetch {
  const dir = path.join(folder(t), 'shards')
  const said: string[] = []
  const say = (line: string): void => void said.push(line)
  return {
    said,
    dir,
    run: (from = server) => climbmix({ dir, count: 2, url: from.url, say, firstWaitMs: 10, stallMs: 700 }),
  }
}
const notes = (dir: string): Record<string, { bytes: number; sha256: string; hashFrom: string }> =>
  JSON.parse(fs.readFileSync(path.join(dir, 'checksums.json'), 'utf8'))

function allRight({ dir }: Fetch): void {
  assert.deepEqual(fs.readdirSync(dir).sort(), ['checksums.json', ...Object.keys(shards)])
  for (const [name, bytes] of Object.entries(shards)) {
    assert.ok(fs.readFileSync(path.join(dir, name)).equals(bytes), name)
    assert.equal(notes(dir)[name]?.sha256, createHash('sha256').update(bytes).digest('hex'))
    assert.equal(notes(dir)[name]?.bytes, bytes.length)
  }
}

test('every shard once, its size and hash noted; the second time nothing is asked for', async (t) => {
  const f = fetching(t)
  const made = await f.run()
  assert.deepEqual([made.fetched, made.files.length], [3, 3])
  allRight(f)
  assert.equal(notes(f.dir)[FIRST]?.hashFrom, 'here')
  assert.equal((await f.run()).fetched, 0)
  assert.equal(server.asked.length, 3)
})

test('a hash the server states is the one that counts: other bytes are fetched again, and given up when they stay', async (t) => {
  const f = fetching(t)
  linked.meets(FIRST, 'other bytes')
  await f.run(linked)
  allRight(f)
  assert.equal(notes(f.dir)[FIRST]?.hashFrom, 'server')
  assert.match(f.said.join('\n'), /shard_00000.parquet: its sha256 is not the server's: damaged on the way/)
  const again = fetching(t)
  linked.meets(FIRST, 'other bytes', 'other bytes', 'other bytes')
  await assert.rejects(
    again.run(linked),
    (error: unknown) => error instanceof DataError && /sha256/.test(error.message),
  )
  assert.ok(!fs.existsSync(path.join(again.dir, FIRST)) && !fs.existsSync(path.join(again.dir, `${FIRST}.part`)))
})

test('cut off twice: it goes on from the byte it had, and only if the file is still the same', async (t) => {
  const f = fetching(t)
  server.meets(FIRST, { cutAfter: 60_000 }, { cutAfter: 30_000 })
  await f.run()
  allRight(f)
  const asked = server.asked.filter(({ name }) => name === FIRST)
  assert.deepEqual(
    asked.map(({ range }) => range),
    [undefined, 'bytes=60000-', 'bytes=90000-'],
  )
  assert.ok(asked.slice(1).every(({ ifRange }) => ifRange !== undefined))
  assert.match(f.said.join('\n'), new RegExp(`cut off after 60000 of ${size} bytes|the connection to .* broke`))
})

test('another version on the server, a server that ignores Range: from the beginning, and no mixture', async (t) => {
  const f = fetching(t)
  const other = shardOf(1)
  fs.mkdirSync(f.dir, { recursive: true })
  fs.writeFileSync(path.join(f.dir, `${FIRST}.part`), other.subarray(0, 50_000))
  fs.writeFileSync(path.join(f.dir, `${FIRST}.part.json`), JSON.stringify({ bytes: other.length, version: '"old"' }))
  server.meets('shard_00001.parquet', { cutAfter: 40_000 }, 'ignores range')
  await f.run()
  allRight(f)
  assert.match(f.said.join('\n'), /shard_00001.parquet: the server begins at the beginning/)
})

test('busy and broken for a while: waited for, as long as the server says', async (t) => {
  const f = fetching(t)
  server.meets(FIRST, { status: 429, retryAfter: '1' }, { status: 500 }, { status: 503 })
  const began = performance.now()
  await f.run()
  assert.ok(performance.now() - began > 1_000)
  allRight(f)
  assert.match(f.said.join('\n'), /answers 429 for .*; again in 1\.0 s[\s\S]*answers 500/)
})

test('a connection that says nothing any more is dropped, and the rest asked for', async (t) => {
  const f = fetching(t)
  server.meets(FIRST, { silentAfter: 70_000 })
  await f.run()
  allRight(f)
  assert.match(f.said.join('\n'), /has sent nothing for 0.7 s/)
  assert.equal(server.asked.filter(({ name }) => name === FIRST)[1]?.range, 'bytes=70000-')
})

test('what will not get better is not tried again: not there, a circle of redirects', async (t) => {
  const missing = fetching(t)
  server.put(FIRST, undefined as unknown as Buffer)
  await assert.rejects(missing.run(), /shard_00000.parquet could not be fetched: .* answers 404/)
  assert.equal(server.asked.filter(({ name }) => name === FIRST).length, 1)
  const circle = fetching(t)
  server.put(FIRST, shards[FIRST] as Buffer)
  server.meets(FIRST, ...Array<'circle'>(9).fill('circle'))
  await assert.rejects(circle.run(), /circle of redirects/)
})

test('a server that always cuts at one place, or sends no Parquet: an end is found', async (t) => {
  const f = fetching(t)
  server.meets(
    FIRST,
    ...Array.from({ length: 30 }, () => 'ignores range' as const).flatMap(() => [{ cutAfter: 0 } as const]),
  )
  await assert.rejects(f.run(), DataError)
  const page = fetching(t)
  server.meets(FIRST)
  server.put(FIRST, Buffer.from('<html>log in first</html>'))
  await assert.rejects(page.run(), /it is no whole Parquet file/)
  assert.ok(!fs.existsSync(path.join(page.dir, FIRST)))
})

test('no network: what is missing, where to put it by hand, and then none is needed', async (t) => {
  const f = fetching(t)
  server.close()
  await assert.rejects(f.run(), (error: Error) => {
    assert.match(
      error.message,
      /127\.0\.0\.1:\d+ cannot be reached .*\nWhere there is no way to http:.* fetch the 3 missing shards elsewhere and copy them into .*shards/,
    )
    assert.match(
      error.message,
      /\n {2}curl -fLO http:.*\/main\/shard_00000\.parquet\n[\s\S]*shard_06542\.parquet\n.*--parquet DIR/,
    )
    return true
  })
  for (const [name, bytes] of Object.entries(shards)) fs.writeFileSync(path.join(f.dir, name), bytes)
  assert.equal((await f.run()).fetched, 0)
  allRight(f)
  assert.equal(notes(f.dir)[FIRST]?.hashFrom, 'hand')
  fs.truncateSync(path.join(f.dir, FIRST), 1_000)
  await assert.rejects(f.run(), /cannot be reached/)
  assert.match(
    f.said.join('\n'),
    /shard_00000.parquet is there, but it has 1000 bytes and not \d+: it is fetched again/,
  )
})

test('the data set: nothing of the held shard is trained on, validation and hidden text are apart', async (t) => {
  const f = fetching(t)
  const { files } = await f.run()
  const dir = path.join(f.dir, '../set')
  const of = (most: number) => ({
    dir,
    vocab: 400,
    passage: WHOLE,
    climbmix: { files, shard: HELD_SHARD, most },
    force: true,
  })
  const all = (await prepare(of(1e9))).manifest
  assert.deepEqual([all.name, all.source.kind, all.source.files], ['climbmix-v400', 'climbmix', 3])
  assert.deepEqual(all.split, { by: 'shard', share: 0, shard: HELD_SHARD, most: 1e9, passage: WHOLE })
  assert.equal(all.documents.train, 400)
  assert.equal(all.documents.val + (all.documents.hidden ?? 0), 200)
  assert.ok(all.documents.val > 110 && all.documents.val < 155, `${all.documents.val} of 200 for validation`)
  const some = (await prepare(of(20_000))).manifest
  assert.equal(some.documents.train, 400, 'what is left of the held shard is not trained on')
  assert.ok(some.bytes.val >= 20_000 && some.bytes.val < 22_000, `${some.bytes.val} bytes`)
  assert.ok((some.bytes.hidden ?? 0) >= 10_000 && (some.bytes.hidden ?? 0) < 12_000, `${some.bytes.hidden} bytes`)
})

function cli(dir: string, ...args: string[]) {
  const command = ['prepare', '--preset', 'climbmix', '--shards', '2', '--vocab', '400', ...args]
  const child = spawn(process.execPath, [bin, ...command], {
    env: { ...process.env, SWARM_STATE: path.join(dir, 'state') },
  })
  const said = { out: '', err: '' }
  child.stdout.on('data', (chunk) => (said.out += chunk))
  child.stderr.on('data', (chunk) => (said.err += chunk))
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)))
  return { child, said, ended }
}

test('killed in the middle, the next process goes on from what is there; then it is prepared already', async (t) => {
  const dir = folder(t)
  const kept = path.join(dir, 'state/shards/climbmix')
  const url = ['--source-url', server.url]
  server.meets(FIRST, { silentAfter: 70_000 })
  const first = cli(dir, ...url)
  const part = path.join(kept, `${FIRST}.part`)
  const there = (): boolean => (fs.statSync(part, { throwIfNoEntry: false })?.size ?? 0) === 70_000
  for (const end = Date.now() + 60_000; !there(); await new Promise((r) => setTimeout(r, 50)))
    assert.ok(Date.now() < end, `no part: ${first.said.err}`)
  first.child.kill('SIGKILL')
  await first.ended
  assert.ok(!fs.existsSync(path.join(kept, FIRST)))

  const second = cli(dir, ...url, '--json')
  assert.equal(await second.ended, 0, second.said.err)
  assert.equal(server.asked.filter(({ name }) => name === FIRST).at(-1)?.range, 'bytes=70000-')
  const made = JSON.parse(second.said.out)
  assert.deepEqual([made.name, made.state, made.shards.files], ['climbmix-v400', 'prepared', 3])
  assert.equal(made.dir, path.join(dir, 'state/data/climbmix-v400'))
  assert.ok(fs.readFileSync(path.join(kept, FIRST)).equals(shards[FIRST] as Buffer))
  assert.match(second.said.err, /fetching \d of 3 shards from http:[\s\S]*shard_00000.parquet is here, 0.\d\d MB/)

  server.close()
  const third = cli(dir, ...url)
  assert.equal(await third.ended, 0, third.said.err)
  assert.match(third.said.out, /^already prepared: .*climbmix-v400\n[\s\S]*split by shard/)
})

test('options of the preset without it, and with another source: usage', async (t) => {
  const dir = folder(t)
  const run = (...args: string[]) => {
    const child = spawn(process.execPath, [bin, 'prepare', ...args], { env: { ...process.env, SWARM_STATE: dir } })
    let err = ''
    child.stderr.on('data', (chunk) => (err += chunk))
    return new Promise<[number | null, string]>((resolve) => child.once('close', (code) => resolve([code, err])))
  }
  const [alone, both] = await Promise.all([run('--shards', '3'), run('--preset', 'climbmix', '--text', 'x')])
  assert.equal(alone[0], 2)
  assert.match(alone[1], /--shards goes with --preset climbmix/)
  assert.equal(both[0], 2)
})
