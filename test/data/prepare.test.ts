import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { Bpe, decode } from '../../coordinator/src/data/bpe.ts'
import { type Manifest, manifestText, readManifest, verifyDataset } from '../../coordinator/src/data/manifest.ts'
import { prepare } from '../../coordinator/src/data/prepare.ts'
import { readPayload } from '../../coordinator/src/data/tokenfile.ts'
import { contents, english, folder, speech, speechNames, write } from './sample.ts'

/** The documents of a token file as text, by splitting at BOS. */
function documents(dir: string, name: string): string[] {
  const bpe = Bpe.parse(JSON.parse(fs.readFileSync(path.join(dir, 'tokenizer.json'), 'utf8')))
  const { header, items } = readPayload(path.join(dir, name))
  assert.equal(items[0], bpe.bos)
  const documents: number[][] = []
  for (const id of items) {
    if (id === bpe.bos) documents.push([])
    else documents.at(-1)!.push(id)
  }
  assert.equal(documents.length, header.docs)
  return documents.map((ids) => decode(bpe, ids).toString())
}

test('speeches: files as decision 0002 has them, split by file, every text back exactly', async (t) => {
  const dir = folder(t)
  const names = speechNames().slice(-30)
  write(path.join(dir, 'in'), Object.fromEntries(names.map((name) => [name, speech(name)])))
  const made = await prepare({
    dir: path.join(dir, 'set'),
    text: [path.join(dir, 'in')],
    vocab: 600,
    shardTokens: 200_000,
  })
  const { manifest } = made
  assert.equal(made.state, 'prepared')
  assert.deepEqual(fs.readdirSync(made.dir).sort(), ['manifest.json', ...Object.keys(manifest.files)].sort())
  assert.deepEqual(fs.readdirSync(dir).sort(), ['in', 'set'])
  assert.equal(manifest.split.by, 'file')
  assert.equal(
    made.hash,
    createHash('sha256')
      .update(fs.readFileSync(path.join(made.dir, 'manifest.json')))
      .digest('hex'),
  )

  const shards = Object.keys(manifest.files).filter((name) => name.startsWith('train-'))
  assert.ok(shards.length > 1, 'more than one shard')
  const headers = shards.map((name) => readPayload(path.join(made.dir, name)).header)
  for (const header of headers) assert.ok(header.count <= 200_000 && header.vocab === 600 && header.bos === 596)
  assert.equal(
    headers.reduce((sum, header) => sum + header.count, 0),
    manifest.tokens.train,
  )
  const raw = fs.readFileSync(path.join(made.dir, 'val.bin'))
  assert.equal(raw.toString('latin1', 0, 8), 'SWRMTOK1')
  assert.deepEqual(
    [
      raw.readUInt32LE(8),
      raw.readUInt32LE(12),
      Number(raw.readBigUInt64LE(16)),
      Number(raw.readBigUInt64LE(24)),
      raw.readUInt32LE(32),
    ],
    [1, 600, manifest.tokens.val, manifest.documents.val, 596],
  )
  assert.ok(raw.subarray(36, 64).every((byte) => byte === 0))
  assert.equal(raw.length, 64 + 2 * manifest.tokens.val)
  const table = readPayload(path.join(made.dir, 'token_bytes.bin'))
  assert.equal(table.header.magic, 'SWRMLEN1')
  assert.deepEqual([...table.items.slice(0, 256)], Array(256).fill(1))
  assert.deepEqual([...table.items.slice(596)], [0, 0, 0, 0])

  const bare = (text: string) => text.replace(/\s/g, '')
  const train = bare(shards.flatMap((name) => documents(made.dir, name)).join(''))
  const val = bare(documents(made.dir, 'val.bin').join(''))
  const hidden = bare(documents(made.dir, 'hidden.bin').join(''))
  let held = 0
  let kept = 0
  for (const name of names) {
    const text = bare(speech(name))
    const on = [train, val, hidden].filter((side) => side.includes(text))
    assert.equal(on.length, 1, `${name} stands whole on one side`)
    if (on[0] === val) held += Buffer.byteLength(speech(name))
    if (on[0] === hidden) kept += Buffer.byteLength(speech(name))
  }
  const share = held / manifest.source.bytes
  assert.ok(share >= 0.08 && share < 0.16, `${share}`)
  assert.ok(kept > 0 && kept <= 0.08 * manifest.source.bytes, `${kept}`)
  const counted = table.items
  assert.equal(
    readPayload(path.join(made.dir, 'val.bin')).items.reduce((sum, id) => sum + counted[id]!, 0),
    manifest.bytes.val,
  )
})

test('the same text under another path gives the same bytes; other settings do not', async (t) => {
  const dir = folder(t)
  write(dir, { 'one/book.txt': english(400_000), 'two/deep/book.txt': english(400_000) })
  const one = await prepare({ dir: path.join(dir, 'a'), text: [path.join(dir, 'one')], vocab: 400 })
  const two = await prepare({ dir: path.join(dir, 'b'), text: [path.join(dir, 'two/deep/book.txt')], vocab: 400 })
  assert.deepEqual(contents(one.dir), contents(two.dir))
  assert.equal(one.manifest.split.by, 'passage')
  const other = await prepare({ dir: path.join(dir, 'c'), text: [path.join(dir, 'one')], vocab: 400, valShare: 0.2 })
  assert.notEqual(other.hash, one.hash)
  assert.ok(other.manifest.bytes.val > 2 * one.manifest.bytes.val)
})

test('prepared already: said at once, and damage is seen and mended', async (t) => {
  const dir = folder(t)
  write(dir, { 'book.txt': english(300_000) })
  const options = { dir: path.join(dir, 'set'), text: [path.join(dir, 'book.txt')], vocab: 400 }
  const first = await prepare(options)
  const before = contents(first.dir)
  const again = await prepare(options)
  assert.equal(again.state, 'unchanged')
  assert.ok(again.seconds < 1, `${again.seconds} s`)
  assert.equal(again.hash, first.hash)

  const shard = path.join(first.dir, 'train-000.bin')
  const bytes = fs.readFileSync(shard)
  bytes[1000]! ^= 1
  fs.writeFileSync(shard, bytes)
  const lines: string[] = []
  assert.equal((await prepare({ ...options, say: (line) => lines.push(line) })).state, 'prepared')
  assert.match(lines[0]!, /train-000\.bin was changed after it was prepared.*: making it anew/)
  assert.deepEqual(contents(first.dir), before)
})

test('verifyDataset names what is wrong and the way out', async (t) => {
  const dir = folder(t)
  write(dir, { 'book.txt': english(300_000) })
  const made = await prepare({ dir: path.join(dir, 'set'), text: [path.join(dir, 'book.txt')], vocab: 400 })
  assert.equal(verifyDataset(made.dir).hash, made.hash)
  const val = path.join(made.dir, 'val.bin')
  const whole = fs.readFileSync(val)
  const cases: [() => void, string, RegExp][] = [
    [
      () => fs.writeFileSync(val, whole.subarray(0, -1)),
      'half-written',
      /val\.bin is half-written: \d+ bytes where its header says \d+; run `swarm prepare --force`/,
    ],
    [() => fs.writeFileSync(val, whole.subarray(0, 20)), 'half-written', /half-written/],
    [() => fs.writeFileSync(val, Buffer.concat([whole, Buffer.of(0, 0)])), 'half-written', /half-written/],
    [() => fs.writeFileSync(val, Buffer.from(whole).fill(65, 64, 66)), 'damaged', /val\.bin was changed/],
    [() => fs.writeFileSync(val, Buffer.from(whole).fill(65, 0, 8)), 'damaged', /not a token file of version 1/],
    [() => fs.copyFileSync(path.join(made.dir, 'token_bytes.bin'), val), 'damaged', /does not belong to this data set/],
    [() => fs.rmSync(val), 'half-written', /val\.bin is missing/],
    [
      () => fs.writeFileSync(path.join(made.dir, 'manifest.json'), '{"version": 1'),
      'damaged',
      /not a manifest of version 1/,
    ],
    [
      () => fs.rmSync(path.join(made.dir, 'manifest.json')),
      'missing',
      /there is no data set in .*; run `swarm prepare`/,
    ],
  ]
  for (const [harm, fault, message] of cases) {
    harm()
    assert.throws(() => verifyDataset(made.dir), { name: 'DataError', fault, message })
  }
  assert.throws(() => readManifest(path.join(dir, 'nowhere')), { fault: 'missing' })
})

test('a folder that holds something else is never touched', async (t) => {
  const dir = folder(t)
  write(dir, { 'book.txt': english(300_000), 'more.txt': english(350_000), 'home/letters.txt': 'dear reader' })
  const occupied = { name: 'DataError', fault: 'occupied' }
  const text = [path.join(dir, 'book.txt')]
  await assert.rejects(prepare({ dir: path.join(dir, 'home'), text, vocab: 400, force: true }), {
    ...occupied,
    message: /holds other files \(letters\.txt\)/,
  })
  await assert.rejects(prepare({ dir: path.join(dir, 'book.txt'), text, vocab: 400 }), {
    ...occupied,
    message: /is a file/,
  })
  assert.deepEqual(fs.readdirSync(path.join(dir, 'home')), ['letters.txt'])

  const set = path.join(dir, 'set')
  const first = await prepare({ dir: set, text, vocab: 400 })
  const more = { dir: set, text: [path.join(dir, 'more.txt')], vocab: 400 }
  await assert.rejects(prepare(more), { ...occupied, message: /data set with other text .*; replace it with --force/ })
  await assert.rejects(prepare({ dir: set, text, vocab: 401 }), { ...occupied, message: /vocabulary 400, not 401/ })
  await assert.rejects(prepare({ dir: set, text, vocab: 400, passage: 300 }), { ...occupied, message: /another split/ })
  assert.equal(verifyDataset(set).hash, first.hash)
  assert.notEqual((await prepare({ ...more, force: true })).hash, first.hash)
})

test('the default corpus gives these very bytes on every machine', async (t) => {
  const made = await prepare({ dir: path.join(folder(t), 'set') })
  const { tokens, documents, bytes, split } = made.manifest
  assert.deepEqual(
    [tokens, documents, bytes, split.by],
    [
      { train: 3_203_987, val: 292_228, hidden: 158_165 },
      { train: 13_540, val: 1_246, hidden: 657 },
      { train: 9_428_283, val: 861_452, hidden: 456_216 },
      'file',
    ],
  )
  // The validation text and the vocabulary are those of before there was a hidden text.
  assert.equal(
    made.manifest.files['val.bin']?.sha256,
    '154b81a3e275293a0ea16f0bc28b70fa7631a250c614bd01fe9d97a1e2f76132',
  )
  // A new hash means that no earlier result can be compared: change it only knowingly, with docs/data.md.
  assert.equal(made.hash, '095cf7670672078bbc505001a4c12b3afb89d9c92c510823421f05dfa5118177')
})

test('a data set of before there was a hidden text stays as it is, with a word; a short text has none', async (t) => {
  const dir = folder(t)
  write(dir, { 'book.txt': english(400_000), 'short.txt': english(230_000) })
  const options = { dir: path.join(dir, 'set'), text: [path.join(dir, 'book.txt')], vocab: 400 }
  const made = await prepare(options)
  assert.ok((made.manifest.tokens.hidden ?? 0) > 1_000)
  const before = JSON.parse(fs.readFileSync(path.join(made.dir, 'manifest.json'), 'utf8')) as Manifest
  for (const sides of [before.documents, before.tokens, before.bytes]) delete sides.hidden
  delete before.files['hidden.bin']
  fs.writeFileSync(path.join(made.dir, 'manifest.json'), manifestText(before))
  fs.rmSync(path.join(made.dir, 'hidden.bin'))
  const lines: string[] = []
  assert.equal((await prepare({ ...options, say: (line) => lines.push(line) })).state, 'unchanged')
  assert.match(lines.join(), /no second held-out text.*--force makes it anew/)
  assert.equal((await prepare({ ...options, force: true })).hash, made.hash)

  const short = await prepare({
    dir: path.join(dir, 'short'),
    text: [path.join(dir, 'short.txt')],
    vocab: 400,
    valShare: 0.04,
    say: (line) => lines.push(line),
  })
  assert.equal(short.manifest.tokens.hidden, undefined)
  assert.ok(!fs.existsSync(path.join(short.dir, 'hidden.bin')))
  assert.ok(lines.some((line) => /too little text for a second held-out part/.test(line)))
})
