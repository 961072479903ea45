// UTF-8 files as text, piece by piece, refusing what is not UTF-8 with the place where it stops being so.
import { isUtf8 } from 'node:buffer'
import { DataError } from './errors.ts'
import { chunksOf, type InputFile } from './inputs.ts'

export const TEXT_ENDINGS = ['.txt', '.text', '.md']

export async function* textOf(file: InputFile): AsyncGenerator<string> {
  let rest = Buffer.alloc(0)
  let offset = 0 // of rest[0] in the file
  for (const chunk of chunksOf(file.path)) {
    const bytes = Buffer.concat([rest, chunk])
    if (offset === 0) refuseBinary(file.path, bytes)
    const whole = bytes.length - openEnd(bytes)
    const good = bytes.subarray(0, whole)
    if (!isUtf8(good)) throw notUtf8(file.path, offset + firstInvalid(good))
    const start = offset === 0 && good[0] === 0xef && good[1] === 0xbb && good[2] === 0xbf ? 3 : 0 // byte order mark
    yield good.toString('utf8', start)
    rest = bytes.subarray(whole)
    offset += whole
  }
  if (rest.length > 0) throw notUtf8(file.path, offset)
}

function notUtf8(file: string, offset: number): DataError {
  return new DataError(
    'not-utf8',
    `${file} is not UTF-8 at byte ${offset}; convert it first, for example: iconv -f latin1 -t utf-8 FILE > NEW`,
  )
}

/** Formats that are often mistaken for text, by how they begin. */
function refuseBinary(file: string, bytes: Buffer): void {
  const start = bytes.toString('latin1', 0, 4)
  const advice =
    start.startsWith('\xff\xfe') || start.startsWith('\xfe\xff')
      ? 'it looks like UTF-16; convert it: iconv -f utf-16 -t utf-8 FILE > NEW'
      : start.startsWith('\x1f\x8b')
        ? 'it is packed by gzip; unpack it: gunzip FILE'
        : start === '(\xb5/\xfd'
          ? 'it is packed by zstd; unpack it: zstd -d FILE'
          : start === 'PAR1'
            ? 'it is Parquet; give it with --parquet'
            : bytes.includes(0)
              ? `it holds a zero byte at ${bytes.indexOf(0)}, as programs and pictures do; give text, or drop the zeros: tr -d '\\0' < FILE > NEW`
              : ''
  if (advice) throw new DataError('not-utf8', `${file} is not UTF-8 text at byte 0: ${advice}`)
}

/** Bytes at the end that begin a character without completing it. */
function openEnd(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!
    if (byte < 0x80) return 0
    if (byte >= 0xc0) return lengthOf(byte) > back ? back : 0
  }
  return 0
}

function lengthOf(lead: number): number {
  return lead < 0x80
    ? 1
    : lead >= 0xc2 && lead < 0xe0
      ? 2
      : lead >= 0xe0 && lead < 0xf0
        ? 3
        : lead >= 0xf0 && lead < 0xf5
          ? 4
          : 0
}

function firstInvalid(bytes: Buffer): number {
  let at = 0
  while (at < bytes.length) {
    const length = lengthOf(bytes[at]!)
    if (length === 0 || at + length > bytes.length || !isUtf8(bytes.subarray(at, at + length))) break
    at += length
  }
  return at
}
