// The way of the text, in order: read and split → learn the merges → encode → manifest. All in one folder, which holds
// exactly the data set afterwards.
import fs from 'node:fs'
import path from 'node:path'
import { encoder, tokenBytes, trainBpe, TRAINING_SEPARATOR, type Bpe, type Encode } from './bpe.ts'
import { DataError } from './errors.ts'
import { MANIFEST, manifestText, sha256File, type Manifest, type Plan } from './manifest.ts'
import { BYTES, RESERVED } from './settings.ts'
import { Sink } from './sink.ts'
import type { Source } from './source.ts'
import type { Split } from './split.ts'
import { Spool } from './spool.ts'
import { TokenFile, writeTable } from './tokenfile.ts'

type Say = (line: string) => void

/** Text the merges are learned from; more of it changes few of them and costs time. */
const LEARN_BYTES = 50_000_000
/** Below this a data set teaches nothing but its own words. */
const LEAST_BYTES = 200_000
const LEAST_VAL_BYTES = 8_000
/** A hidden text shorter than this tells nothing: then there is none. */
const LEAST_HIDDEN_BYTES = 6_000
/** About 6 MB of text. */
const MANY_VAL_TOKENS = 2_000_000

export async function makeDataset(
  work: string,
  source: Source,
  side: Split,
  plan: Plan,
  shardTokens: number,
  say: Say,
): Promise<void> {
  const { val, rest, hidden } = await read(work, source, side, plan, say)
  const bpe = await learn(work, rest.spool, plan.vocab, say)
  const encode = encoder(bpe)
  const write = (name: string, text: Text, most: number): Promise<TokenFile[]> =>
    writeShards({ work, name, text, bpe, encode, shardTokens: most, say })
  const files = {
    train: await write('train', rest, shardTokens),
    val: await write('val', val, Infinity),
    hidden: hidden === undefined ? [] : await write('hidden', hidden, Infinity),
  }
  for (const { spool } of [val, rest]) fs.rmSync(spool.file)
  writeTable(
    path.join(work, 'token_bytes.bin'),
    tokenBytes(bpe).map((bytes) => bytes.length),
    bpe.bos,
  )
  writeText(path.join(work, 'tokenizer.json'), `${JSON.stringify(bpe)}\n`)

  const sides = <T>(of: (text: Text, shards: TokenFile[]) => T): { train: T; val: T; hidden?: T } => ({
    train: of(rest, files.train),
    val: of(val, files.val),
    ...(hidden === undefined ? {} : { hidden: of(hidden, files.hidden) }),
  })
  const tokens = sides((_, shards) => total(shards))
  const names = Object.values(files)
    .flatMap((shards) => shards.map((shard) => path.basename(shard.file)))
    .concat('token_bytes.bin', 'tokenizer.json')
  const manifest: Manifest = {
    version: 1,
    ...plan,
    bos: bpe.bos,
    documents: sides((text) => text.documents),
    tokens,
    bytes: sides((text) => text.bytes),
    bytesPerToken: Math.round((rest.bytes / (tokens.train - rest.documents)) * 10_000) / 10_000,
    files: Object.fromEntries(
      names.map((name) => {
        const file = path.join(work, name)
        return [name, { sha256: sha256File(file), bytes: fs.statSync(file).size }]
      }),
    ),
  }
  writeText(path.join(work, MANIFEST), manifestText(manifest))
  if (tokens.val > MANY_VAL_TOKENS && plan.split.by !== 'shard') {
    const share = (plan.split.share * 300_000) / tokens.val
    say(
      `note: ${count(tokens.val)} validation tokens make every evaluation slow on a CPU; --val-share ${share.toPrecision(1)} gives about 300 thousand`,
    )
  }
}

/** Documents of one side: some or all of a spool. */
interface Text {
  spool: Spool
  /** Is the spool's document at this place one of them? */
  has: (index: number) => boolean
  documents: number
  bytes: number
}

/** Every document onto its side. The hidden ones stay among those for training, where the merges are learned from both. */
async function read(
  work: string,
  source: Source,
  side: Split,
  plan: Plan,
  say: Say,
): Promise<{ val: Text; rest: Text; hidden: Text | undefined }> {
  say(`reading ${source.files.length} ${source.files.length === 1 ? 'file' : 'files'}, ${megabytes(plan.source.bytes)}`)
  const spools = { rest: new Spool(path.join(work, 'rest.spool')), val: new Spool(path.join(work, 'val.spool')) }
  const hidden = new Set<number>()
  let hiddenBytes = 0
  const pace = new Pace()
  try {
    for (const file of source.files) {
      for await (const text of source.documents(file, plan.split.passage)) {
        const on = side(file.name, text)
        if (on === 'left') continue
        if (on === 'hidden') {
          hidden.add(spools.rest.documents)
          hiddenBytes += Buffer.byteLength(text)
        }
        spools[on === 'val' ? 'val' : 'rest'].append(text)
        if (pace.due()) say(`reading ${file.name}: ${megabytes(spools.rest.bytes + spools.val.bytes)} of text so far`)
      }
    }
    spools.rest.close()
    spools.val.close()
  } finally {
    spools.rest.abandon()
    spools.val.abandon()
  }
  const whole = (spool: Spool): Text => ({ spool, has: () => true, documents: spool.documents, bytes: spool.bytes })
  if (hiddenBytes < LEAST_HIDDEN_BYTES) {
    refuseTiny(plan, spools.rest.bytes, spools.val.bytes)
    say(`note: too little text for a second held-out part: results that are too good cannot be checked on it`)
    return { val: whole(spools.val), rest: whole(spools.rest), hidden: undefined }
  }
  const { rest } = spools
  refuseTiny(plan, rest.bytes - hiddenBytes, spools.val.bytes)
  return {
    val: whole(spools.val),
    rest: {
      spool: rest,
      has: (index) => !hidden.has(index),
      documents: rest.documents - hidden.size,
      bytes: rest.bytes - hiddenBytes,
    },
    hidden: { spool: rest, has: (index) => hidden.has(index), documents: hidden.size, bytes: hiddenBytes },
  }
}

function refuseTiny(plan: Plan, train: number, val: number): void {
  const bytes = train + val
  if (bytes === 0) {
    const where = plan.source.column === undefined ? 'the files given hold' : `column "${plan.source.column}" holds`
    throw new DataError(
      'empty',
      `${where} no text, only white space; give at least ${count(LEAST_BYTES)} bytes of text`,
    )
  }
  if (bytes < LEAST_BYTES) {
    throw new DataError(
      'tiny',
      `${count(bytes)} bytes of text are too few to learn from; give at least ${count(LEAST_BYTES)} (a few MB are better)`,
    )
  }
  if (val < LEAST_VAL_BYTES || train < LEAST_BYTES / 2) {
    throw new DataError(
      'tiny',
      `the split leaves ${count(val)} bytes for validation and ${count(train)} for training, where ${count(LEAST_VAL_BYTES)} and ${count(LEAST_BYTES / 2)} are needed; give more text or another --val-share`,
    )
  }
}

/** The merges come from what is not validation text: all of it, or every k-th document of much. */
async function learn(work: string, spool: Spool, vocab: number, say: Say): Promise<Bpe> {
  const every = Math.ceil(spool.bytes / LEARN_BYTES)
  say(`learning ${vocab - BYTES - RESERVED} merges from ${megabytes(spool.bytes / every)}`)
  const scratch = path.join(work, 'scratch')
  fs.mkdirSync(scratch)
  const file = path.join(scratch, 'learn.txt')
  const sink = new Sink(file)
  let index = 0
  try {
    for (const batch of spool.batches()) {
      for (const text of batch) if (index++ % every === 0) sink.write(Buffer.from(text + TRAINING_SEPARATOR))
    }
    sink.close()
  } finally {
    sink.abandon()
  }
  const bpe = await trainBpe(file, vocab, scratch)
  fs.rmSync(scratch, { recursive: true })
  return bpe
}

interface Writing {
  work: string
  name: string
  text: Text
  bpe: Bpe
  encode: Encode
  shardTokens: number
  say: Say
}

const WORDS: Record<string, string> = { train: 'training', val: 'validation', hidden: 'hidden' }

/** train-000.bin and on, val.bin, hidden.bin. A document never straddles two shards. */
async function writeShards({ work, name, text, bpe, encode, shardTokens, say }: Writing): Promise<TokenFile[]> {
  say(`encoding ${count(text.documents)} ${WORDS[name]} documents, ${megabytes(text.bytes)}`)
  const pace = new Pace()
  const shards: TokenFile[] = []
  const next = (): TokenFile => {
    const file = name === 'train' ? `train-${String(shards.length).padStart(3, '0')}.bin` : `${name}.bin`
    const shard = new TokenFile(path.join(work, file), bpe.vocab, bpe.bos)
    shards.push(shard)
    return shard
  }
  let shard = next()
  let index = 0
  let documents = 0
  try {
    for (const batch of text.spool.batches()) {
      const wanted = batch.filter(() => text.has(index++))
      for (const ids of await encode(wanted)) {
        if (shard.count > 0 && shard.count + 1 + ids.length > shardTokens) {
          shard.close()
          shard = next()
        }
        shard.append(ids)
      }
      documents += wanted.length
      if (pace.due()) say(`encoding: ${Math.floor((100 * documents) / text.documents)}%`)
    }
    shard.close()
  } finally {
    shard.abandon()
  }
  return shards
}

function writeText(file: string, text: string): void {
  const sink = new Sink(file)
  sink.write(Buffer.from(text))
  sink.close()
}

/** True at most every 3 s. */
class Pace {
  #next = performance.now() + 3000
  due(): boolean {
    if (performance.now() < this.#next) return false
    this.#next = performance.now() + 3000
    return true
  }
}

function total(shards: TokenFile[]): number {
  return shards.reduce((sum, shard) => sum + shard.count, 0)
}
function count(n: number): string {
  return Math.round(n).toLocaleString('en-US')
}
function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`
}
