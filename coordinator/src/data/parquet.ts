// One column of text out of Parquet files, one row group at a time, so that memory is bounded by the largest row group.
import fs from 'node:fs/promises'
import { parquetMetadataAsync, parquetReadObjects, parquetSchema, type AsyncBuffer, type FileMetaData } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { DataError, cannotRead } from './errors.ts'
import type { InputFile } from './inputs.ts'

export const PARQUET_ENDINGS = ['.parquet']

/** Each row's text; rows without any are left out. A list of texts in one row gives each of them. */
export async function* rowsOf(file: InputFile, column: string): AsyncGenerator<string> {
  let handle: fs.FileHandle
  try {
    handle = await fs.open(file.path, 'r')
  } catch (cause) {
    throw cannotRead(file.path, cause)
  }
  try {
    const buffer = fileBuffer(handle, file.bytes)
    const metadata = await readMetadata(file.path, buffer)
    checkColumn(file.path, metadata, column)
    let rowStart = 0
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows)
      for (const value of await readGroup(file.path, buffer, metadata, column, rowStart, rowEnd))
        yield* texts(file.path, column, value)
      rowStart = rowEnd
    }
  } finally {
    await handle.close()
  }
}

function fileBuffer(handle: fs.FileHandle, byteLength: number): AsyncBuffer {
  return {
    byteLength,
    async slice(start, end = byteLength) {
      const bytes = new ArrayBuffer(end - start)
      const { bytesRead } = await handle.read(new Uint8Array(bytes), 0, end - start, start)
      if (bytesRead < end - start) throw new RangeError(`the file ends at byte ${start + bytesRead}`)
      return bytes
    },
  }
}

async function readMetadata(file: string, buffer: AsyncBuffer): Promise<FileMetaData> {
  try {
    return await parquetMetadataAsync(buffer)
  } catch (cause) {
    throw new DataError(
      'parquet',
      `${file} is not a whole Parquet file (${(cause as Error).message}); download it again`,
      { cause },
    )
  }
}

function checkColumn(file: string, metadata: FileMetaData, column: string): void {
  const columns = parquetSchema(metadata).children.map((child) => child.element.name)
  if (!columns.includes(column)) {
    throw new DataError(
      'column',
      `${file} has no column "${column}"; its columns are ${columns.join(', ')}: choose one with --column`,
    )
  }
  const known = ['UNCOMPRESSED', ...Object.keys(compressors)]
  for (const group of metadata.row_groups) {
    for (const chunk of group.columns) {
      const codec = chunk.meta_data?.codec
      if (chunk.meta_data?.path_in_schema[0] !== column || !codec || known.includes(codec)) continue
      throw new DataError(
        'codec',
        `${file}: column "${column}" is packed with ${codec}, which is not read here; write it again with ZSTD or SNAPPY`,
      )
    }
  }
}

/** Strict: a byte array that is not UTF-8 must not turn into question marks. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
class NotUtf8 extends Error {}
const parsers = {
  stringFromBytes(bytes: Uint8Array | undefined): string | undefined {
    try {
      return bytes && utf8.decode(bytes)
    } catch (cause) {
      throw new NotUtf8('not UTF-8', { cause })
    }
  },
}

async function readGroup(
  file: string,
  buffer: AsyncBuffer,
  metadata: FileMetaData,
  column: string,
  rowStart: number,
  rowEnd: number,
): Promise<unknown[]> {
  try {
    const rows = await parquetReadObjects({
      file: buffer,
      metadata,
      columns: [column],
      rowStart,
      rowEnd,
      compressors,
      parsers,
    })
    return rows.map((row) => row[column])
  } catch (cause) {
    const where = `${file}, rows ${rowStart} to ${rowEnd}`
    if (cause instanceof NotUtf8)
      throw new DataError(
        'not-utf8',
        `${where}: column "${column}" holds bytes that are not UTF-8; choose a text column with --column or convert it`,
        { cause },
      )
    throw new DataError(
      'parquet',
      `${where} could not be read (${(cause as Error).message}); download the file again, or write it again with ZSTD or SNAPPY`,
      { cause },
    )
  }
}

function* texts(file: string, column: string, value: unknown): Generator<string> {
  if (typeof value === 'string') yield value
  else if (Array.isArray(value)) for (const item of value) yield* texts(file, column, item)
  else if (value !== null && value !== undefined) {
    throw new DataError(
      'column',
      `${file}: column "${column}" holds ${typeof value}s, not text; choose another with --column`,
    )
  }
}
