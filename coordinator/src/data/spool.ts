// Documents between the pass that reads them and the pass that encodes them: on disk, so that memory does not grow with
// the text and the input is read once. Each is a u32 length and its UTF-8.
import fs from 'node:fs'
import { Sink } from './sink.ts'

export class Spool {
  #sink: Sink
  documents = 0
  /** Of text, without the lengths. */
  bytes = 0
  constructor(readonly file: string) {
    this.#sink = new Sink(file)
  }
  append(text: string): void {
    const bytes = Buffer.from(text)
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32LE(bytes.length)
    this.#sink.write(length)
    this.#sink.write(bytes)
    this.documents++
    this.bytes += bytes.length
  }
  close(): void {
    this.#sink.close()
  }
  abandon(): void {
    this.#sink.abandon()
  }

  /** What was appended, in order, `count` documents or about 4 MB at a time. */
  *batches(count = 512): Generator<string[]> {
    const fd = fs.openSync(this.file, 'r')
    try {
      let buffer: Buffer = Buffer.alloc(0)
      let batch: string[] = []
      let size = 0
      for (let left = this.documents; left > 0; left--) {
        if (buffer.length < 4 || buffer.length < 4 + buffer.readUInt32LE(0)) buffer = fill(fd, buffer)
        const length = buffer.readUInt32LE(0)
        batch.push(buffer.toString('utf8', 4, 4 + length))
        size += length
        buffer = buffer.subarray(4 + length)
        if (batch.length < count && size < 1 << 22) continue
        yield batch
        batch = []
        size = 0
      }
      if (batch.length > 0) yield batch
    } finally {
      fs.closeSync(fd)
    }
  }
}

/** What is left, followed by the next pieces of the file until one whole document is there. */
function fill(fd: number, left: Buffer): Buffer {
  const parts = [left]
  let have = left.length
  for (;;) {
    const piece = Buffer.allocUnsafe(1 << 20)
    const n = fs.readSync(fd, piece)
    if (n === 0) return Buffer.concat(parts)
    parts.push(piece.subarray(0, n))
    have += n
    const all = have >= 4 ? Buffer.concat(parts) : left
    if (have >= 4 && have >= 4 + all.readUInt32LE(0)) return all
  }
}
