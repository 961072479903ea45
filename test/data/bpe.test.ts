import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { before, test } from 'node:test'
import { TRAINING_SEPARATOR, decode, encoder, tokenBytes, trainBpe, type Bpe } from '../../coordinator/src/data/bpe.ts'
import { DataError } from '../../coordinator/src/data/errors.ts'
import { passages } from '../../coordinator/src/data/passages.ts'
import { english, folder } from './sample.ts'

const text = english(300_000)
const learn = async (dir: string, vocab: number, documents: string[]) => {
  const file = path.join(dir, 'learn.txt')
  fs.writeFileSync(file, documents.map((document) => document + TRAINING_SEPARATOR).join(''))
  return trainBpe(file, vocab, dir)
}

let bpe: Bpe
before(async () => {
  const dir = fs.mkdtempSync(path.join(process.env.TMPDIR ?? '/tmp', 'swarm-bpe-'))
  bpe = await learn(dir, 1024, [...passages(text, 700)])
  fs.rmSync(dir, { recursive: true })
})

test('ids 0 to 255 are the bytes, the rest are merges in order, the last four are reserved', async () => {
  assert.equal(bpe.merges.length, 1024 - 260)
  assert.equal(bpe.bos, 1020)
  const bytes = tokenBytes(bpe)
  assert.equal(bytes.length, 1024)
  for (let id = 0; id < 256; id++) assert.deepEqual([...bytes[id]!], [id])
  assert.ok(bpe.merges.every(([a, b], k) => a < 256 + k && b < 256 + k))
  assert.deepEqual(
    bytes.slice(1020).map((b) => b.length),
    [0, 0, 0, 0],
  )
  assert.equal(new Set(bytes.slice(0, 1020).map((b) => b.toString('hex'))).size, 1020)
})

test('exact round trip, also of what looks invalid', async () => {
  const odd = [
    'plain words',
    '',
    ' ',
    '\n',
    '  two  spaces\t\ttabs \r\n\r\n  lines',
    'naïve café — “quoted” ’tis',
    '日本語のテキスト。',
    'مرحبا',
    'Ελληνικά',
    '👩‍👩‍👧‍👦 🏳️‍🌈 \u{1F600}',
    'e\u0301 combining',
    '\uFFFD replacement',
    'zero \u0000 byte, bell \u0007, del \u007F',
    '\uFEFF mark inside',
    '\u{10FFFF}\uE000 private',
    '<|bos|> <s> [UNK] Ġthe Ċ',
    "I'll don't WE'RE 1234567 3.14",
    '\u2028\u2029\u0085',
    'x'.repeat(5000),
    text,
  ]
  const encoded = await encoder(bpe)(odd)
  odd.forEach((one, i) => {
    assert.ok(encoded[i]!.every((id) => id < bpe.bos))
    assert.equal(decode(bpe, encoded[i]!).toString(), one)
  })
})

test('every code point of Unicode survives', async () => {
  const all: string[] = []
  for (let from = 0; from < 0x110000; from += 0x1000) {
    if (from >= 0xd000 && from < 0xe000) continue
    all.push(String.fromCodePoint(...Array.from({ length: 0x1000 }, (_, i) => from + i)))
  }
  const encoded = await encoder(bpe)(all)
  const lost = all.findIndex((one, i) => decode(bpe, encoded[i]!).toString() !== one)
  assert.equal(lost, -1, `block ${lost}`)
})

test('the merges compress English and a longer list begins with the shorter one', async (t) => {
  const [ids] = await encoder(bpe)([text])
  const ratio = Buffer.byteLength(text) / ids!.length
  assert.ok(ratio > 2.7 && ratio < 3.3, `${ratio} bytes a token`)
  const small = await learn(folder(t), 512, [...passages(text, 700)])
  assert.deepEqual(small.merges, bpe.merges.slice(0, 512 - 260))
})

test('learned twice, the same merges; what closes a document is never learned', async (t) => {
  const again = await learn(folder(t), 1024, [...passages(text, 700)])
  assert.deepEqual(again.merges, bpe.merges)
  assert.ok(
    tokenBytes(bpe)
      .slice(256)
      .every((bytes) => !bytes.includes(0) && !bytes.toString('latin1').includes('.\n')),
  )
})

test('text that gives too few merges says how many it gives', async (t) => {
  await assert.rejects(learn(folder(t), 1024, ['abab '.repeat(1000)]), (error: unknown) => {
    assert.ok(error instanceof DataError && error.fault === 'vocabulary')
    assert.match(error.message, /gives 26\d at most; take --vocab 26\d or less, or give more text/)
    return true
  })
})
