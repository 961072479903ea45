// The .bin files the trainer maps (docs/decisions/0002): a 64-byte little-endian header, then u16 each.
//   0 char magic[8] · 8 u32 version=1 · 12 u32 vocab · 16 u64 count (payload items) · 24 u64 docs · 32 u32 bos · 36 zeros
// A file ends exactly after its payload, so a cut-off write is seen by its size.
import fs from 'node:fs'
import { DataError } from './errors.ts'
import { Sink } from './sink.ts'

export const TOKENS_MAGIC = 'SWRMTOK1'
export const TABLE_MAGIC = 'SWRMLEN1'
export const HEADER_BYTES = 64

export interface Header {
  magic: string
  vocab: number
  count: number
  docs: number
  bos: number
}

function headerBytes(header: Header): Buffer {
  const b = Buffer.alloc(HEADER_BYTES)
  b.write(header.magic, 0, 'latin1')
  b.writeUInt32LE(1, 8)
  b.writeUInt32LE(header.vocab, 12)
  b.writeBigUInt64LE(BigInt(header.count), 16)
  b.writeBigUInt64LE(BigInt(header.docs), 24)
  b.writeUInt32LE(header.bos, 32)
  return b
}

export function readHeader(file: string, size: number): Header {
  const b = Buffer.alloc(HEADER_BYTES)
  const fd = fs.openSync(file, 'r')
  try {
    fs.readSync(fd, b, 0, HEADER_BYTES, 0)
  } finally {
    fs.closeSync(fd)
  }
  const header = {
    magic: b.toString('latin1', 0, 8),
    vocab: b.readUInt32LE(12),
    count: Number(b.readBigUInt64LE(16)),
    docs: Number(b.readBigUInt64LE(24)),
    bos: b.readUInt32LE(32),
  }
  if ((header.magic !== TOKENS_MAGIC && header.magic !== TABLE_MAGIC) || b.readUInt32LE(8) !== 1) {
    throw new DataError('damaged', `${file} is not a token file of version 1; run \`swarm prepare --force\``)
  }
  const whole = HEADER_BYTES + 2 * header.count
  if (size !== whole) {
    throw new DataError(
      'half-written',
      `${file} is half-written: ${size} bytes where its header says ${whole}; run \`swarm prepare --force\``,
    )
  }
  return header
}

/** The u16 payload as it stands: for tests and small tables; the trainer maps the file instead. */
export function readPayload(file: string): { header: Header; items: Uint16Array } {
  const bytes = fs.readFileSync(file)
  const header = readHeader(file, bytes.length)
  const items = new Uint16Array(header.count)
  for (let i = 0; i < items.length; i++) items[i] = bytes.readUInt16LE(HEADER_BYTES + 2 * i)
  return { header, items }
}

/** u16 little-endian, whatever the machine. */
function u16le(items: ArrayLike<number>): Buffer {
  const b = Buffer.allocUnsafe(2 * items.length)
  for (let i = 0; i < items.length; i++) b.writeUInt16LE(items[i]!, 2 * i)
  return b
}

/** One token file, documents appended one by one; the header is right only after close(). */
export class TokenFile {
  #sink: Sink
  count = 0
  docs = 0
  constructor(
    readonly file: string,
    readonly vocab: number,
    readonly bos: number,
  ) {
    this.#sink = new Sink(file)
    this.#sink.write(Buffer.alloc(HEADER_BYTES)) // no magic: unreadable until closed
  }
  /** Appends BOS and the document's tokens. */
  append(tokens: ArrayLike<number>): void {
    this.#sink.write(u16le([this.bos]))
    this.#sink.write(u16le(tokens))
    this.count += 1 + tokens.length
    this.docs++
  }
  close(): void {
    this.#sink.close({
      at: 0,
      bytes: headerBytes({ magic: TOKENS_MAGIC, vocab: this.vocab, count: this.count, docs: this.docs, bos: this.bos }),
    })
  }
  /** Lets go of the file, unfinished. */
  abandon(): void {
    this.#sink.abandon()
  }
}

/** token_bytes.bin: raw bytes of each token, 0 for the reserved ones. */
export function writeTable(file: string, lengths: number[], bos: number): void {
  const sink = new Sink(file)
  sink.write(headerBytes({ magic: TABLE_MAGIC, vocab: lengths.length, count: lengths.length, docs: 0, bos }))
  sink.write(u16le(lengths))
  sink.close()
}
