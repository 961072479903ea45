import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { test, type TestContext } from 'node:test'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { DataError } from '../../coordinator/src/data/errors.ts'
import { prepare, type PrepareOptions } from '../../coordinator/src/data/prepare.ts'
import { WHOLE } from '../../coordinator/src/data/settings.ts'
import { english, folder, write } from './sample.ts'

type Columns = Parameters<typeof parquetWriteBuffer>[0]
const file = (options: Columns) => Buffer.from(parquetWriteBuffer(options))

/** 300 rows of about 1.5 kB. */
const rows = Array.from({ length: 300 }, (_, i) =>
  english(450_000)
    .slice(1500 * i, 1500 * (i + 1))
    .trim(),
)
const column = { name: 'text', data: rows, type: 'STRING' as const }
const numbers = { name: 'score', data: rows.map((_, i) => i), type: 'INT32' as const }
const settings = (dir: string): PrepareOptions => ({
  dir: path.join(dir, 'set'),
  parquet: [path.join(dir, 'in')],
  vocab: 400,
})

/** A zstd frame of raw blocks (RFC 8878 §3.1.1): Node 20 writes no zstd of its own. */
function zstdStored(bytes: Uint8Array): Uint8Array {
  const size = Buffer.alloc(8)
  size.writeBigUInt64LE(BigInt(bytes.length))
  const parts = [Buffer.of(0x28, 0xb5, 0x2f, 0xfd, 0xe0), size] // magic; single segment, 8 bytes of content size
  for (let at = 0; at < bytes.length; at += 1 << 16) {
    const block = bytes.subarray(at, at + (1 << 16))
    const header = Buffer.alloc(3)
    header.writeUIntLE((block.length << 3) | (at + block.length === bytes.length ? 1 : 0), 0, 3)
    parts.push(header, Buffer.from(block))
  }
  return Buffer.concat(parts)
}

async function refused(
  t: TestContext,
  bytes: Buffer,
  options: PrepareOptions,
  fault: string,
  message: RegExp,
): Promise<void> {
  const dir = folder(t)
  write(dir, { 'in/a.parquet': bytes })
  await assert.rejects(prepare({ ...settings(dir), ...options }), (error: unknown) => {
    assert.ok(error instanceof DataError, String(error))
    assert.equal(error.fault, fault, error.message)
    assert.match(error.message, message)
    return true
  })
  assert.deepEqual(fs.readdirSync(dir), ['in'])
}

const all = (sides: { train: number; val: number; hidden?: number | undefined }): number =>
  sides.train + sides.val + (sides.hidden ?? 0)

test('rows over several row groups and files, whole or as passages', async (t) => {
  const dir = folder(t)
  write(dir, {
    'in/a.parquet': file({
      columnData: [numbers, column].map((c) => ({ ...c, data: c.data.slice(0, 200) })) as Columns['columnData'],
      rowGroupSize: 37,
    }),
    'in/b.parquet': file({ columnData: [{ ...column, data: rows.slice(200) }], codec: 'UNCOMPRESSED' }),
  })
  const whole = await prepare({ ...settings(dir), passage: WHOLE })
  assert.equal(all(whole.manifest.documents), 300)
  assert.equal(
    all(whole.manifest.bytes),
    rows.reduce((sum, row) => sum + Buffer.byteLength(row), 0),
  )
  assert.deepEqual(
    { kind: whole.manifest.source.kind, column: whole.manifest.source.column, files: whole.manifest.source.files },
    { kind: 'parquet', column: 'text', files: 2 },
  )
  const cut = await prepare({ ...settings(dir), passage: 300, force: true })
  assert.ok(cut.manifest.documents.train > 1000)
})

test('other codecs, missing values and lists of texts', async (t) => {
  const dir = folder(t)
  const gaps = rows.map((row, i) => (i % 3 === 0 ? null : row))
  write(dir, {
    'in/gzip.parquet': file({
      columnData: [{ name: 'text', data: gaps, type: 'STRING', nullable: true }],
      codec: 'GZIP',
      compressors: { GZIP: (bytes) => gzipSync(bytes) },
    }),
  })
  const made = await prepare({ ...settings(dir), passage: WHOLE })
  assert.equal(all(made.manifest.documents), 200)
  write(dir, { 'in/gzip.parquet': file({ columnData: [column], codec: 'ZSTD', compressors: { ZSTD: zstdStored } }) })
  const zstd = await prepare({ ...settings(dir), passage: WHOLE, force: true })
  assert.equal(all(zstd.manifest.documents), 300)
  // Lists: ["a", "b"] in one row are two texts.
  const schema = [
    { name: 'root', num_children: 1 },
    { name: 'text', repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', type: 'BYTE_ARRAY', repetition_type: 'OPTIONAL', converted_type: 'UTF8' },
  ] as Columns['schema']
  const pairs = Array.from({ length: 150 }, (_, i) => rows.slice(2 * i, 2 * i + 2))
  write(dir, { 'in/gzip.parquet': file({ columnData: [{ name: 'text', data: pairs }], schema } as Columns) })
  const lists = await prepare({ ...settings(dir), passage: WHOLE, force: true })
  assert.equal(all(lists.manifest.documents), 300)
})

test('a column that is not there: the ones that are', (t) =>
  refused(
    t,
    file({ columnData: [numbers, { ...column, name: 'content' }] }),
    {},
    'column',
    /no column "text"; its columns are score, content: choose one with --column/,
  ))
test('a column of numbers', (t) =>
  refused(t, file({ columnData: [numbers, column] }), { column: 'score' }, 'column', /holds numbers, not text/))
test('a codec nobody here reads', (t) =>
  refused(
    t,
    file({ columnData: [column], codec: 'LZO', compressors: { LZO: (bytes) => bytes } }),
    {},
    'codec',
    /packed with LZO, which is not read here; write it again with ZSTD or SNAPPY/,
  ))
test('bytes that are not UTF-8', (t) =>
  refused(
    t,
    file({
      columnData: [{ name: 'text', data: rows.map(() => Buffer.from('caf\xe9', 'latin1')), type: 'BYTE_ARRAY' }],
    }),
    {},
    'not-utf8',
    /rows 0 to 300: column "text" holds bytes that are not UTF-8/,
  ))
test('cut off, or something else', async (t) => {
  const bytes = file({ columnData: [column] })
  await refused(t, bytes.subarray(0, -100), {}, 'parquet', /not a whole Parquet file .*; download it again/)
  await refused(t, Buffer.from(english(300_000)), {}, 'parquet', /not a whole Parquet file/)
  const hurt = Buffer.from(bytes).fill(0xff, 1000, 60_000)
  await refused(t, hurt, {}, 'parquet', /rows 0 to 300 could not be read .*; download the file again/)
})
test('an empty column', (t) =>
  refused(
    t,
    file({ columnData: [{ ...column, data: rows.map(() => '  ') }] }),
    {},
    'empty',
    /column "text" holds no text/,
  ))
test('a folder without Parquet', async (t) => {
  const dir = folder(t)
  write(dir, { 'in/a.txt': 'x' })
  await assert.rejects(prepare(settings(dir)), { fault: 'empty', message: /holds no \.parquet file \(only \.txt\)/ })
})
