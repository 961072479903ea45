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
import type { Side, Split } from './split.ts'
import { Spool } from './spool.ts'
import { TokenFile, writeTable } from './tokenfile.ts'

type Say = (line: string) => void

/** Text the merges are learned from; more of it changes few of them and costs time. */
const LEARN_BYTES = 50_000_000
/** Below this a data set teaches nothing but its own words. */
const LEAST_BYTES = 200_000
const LEAST_VAL_BYTES = 8_000
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
  const spools = await read(work, source, side, plan, say)
  const bpe = await learn(work, spools.train, plan.vocab, say)
  const encode = encoder(bpe)
  const train = await writeShards(work, 'train', spools.train, bpe, encode, shardTokens, say)
  const val = await writeShards(work, 'val', spools.val, bpe, encode, Infinity, say)
  writeTable(
    path.join(work, 'token_bytes.bin'),
    tokenBytes(bpe).map((bytes) => bytes.length),
    bpe.bos,
  )
  writeText(path.join(work, 'tokenizer.json'), `${JSON.stringify(bpe)}\n`)

  const tokens = { train: total(train), val: total(val) }
  const names = [...train, ...val].map((shard) => path.basename(shard.file)).concat('token_bytes.bin', 'tokenizer.json')
  const manifest: Manifest = {
    version: 1,
    ...plan,
    bos: bpe.bos,
    documents: { train: spools.train.documents, val: spools.val.documents },
    tokens,
    bytes: { train: spools.train.bytes, val: spools.val.bytes },
    bytesPerToken: Math.round((spools.train.bytes / (tokens.train - spools.train.documents)) * 10_000) / 10_000,
    files: Object.fromEntries(
      names.map((name) => {
        const file = path.join(work, name)
        return [name, { sha256: sha256File(file), bytes: fs.statSync(file).size }]
      }),
    ),
  }
  writeText(path.join(work, MANIFEST), manifestText(manifest))
  if (tokens.val > MANY_VAL_TOKENS) {
    const share = (plan.split.share * 300_000) / tokens.val
    say(
      `note: ${count(tokens.val)} validation tokens make every evaluation slow on a CPU; --val-share ${share.toPrecision(1)} gives about 300 thousand`,
    )
  }
}

/** Every document onto its side. */
async function read(work: string, source: Source, side: Split, plan: Plan, say: Say): Promise<Record<Side, Spool>> {
  say(`reading ${source.files.length} ${source.files.length === 1 ? 'file' : 'files'}, ${megabytes(plan.source.bytes)}`)
  const spools = { train: new Spool(path.join(work, 'train.spool')), val: new Spool(path.join(work, 'val.spool')) }
  const pace = new Pace()
  try {
    for (const file of source.files) {
      for await (const text of source.documents(file, plan.split.passage)) {
        spools[side(file.name, text)].append(text)
        if (pace.due()) say(`reading ${file.name}: ${megabytes(spools.train.bytes + spools.val.bytes)} of text so far`)
      }
    }
    spools.train.close()
    spools.val.close()
  } finally {
    spools.train.abandon()
    spools.val.abandon()
  }
  refuseTiny(plan, spools)
  return spools
}

function refuseTiny(plan: Plan, { train, val }: Record<Side, Spool>): void {
  const bytes = train.bytes + val.bytes
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
  if (val.bytes < LEAST_VAL_BYTES || train.bytes < LEAST_BYTES / 2) {
    throw new DataError(
      'tiny',
      `the split leaves ${count(val.bytes)} bytes for validation and ${count(train.bytes)} for training, where ${count(LEAST_VAL_BYTES)} and ${count(LEAST_BYTES / 2)} are needed; give more text or another --val-share`,
    )
  }
}

/** The merges come from training text alone: all of it, or every k-th document of much. */
async function learn(work: string, train: Spool, vocab: number, say: Say): Promise<Bpe> {
  const every = Math.ceil(train.bytes / LEARN_BYTES)
  say(`learning ${vocab - BYTES - RESERVED} merges from ${megabytes(train.bytes / every)}`)
  const scratch = path.join(work, 'scratch')
  fs.mkdirSync(scratch)
  const file = path.join(scratch, 'learn.txt')
  const sink = new Sink(file)
  let index = 0
  try {
    for (const batch of train.batches()) {
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

/** train-000.bin and on, or val.bin. A document never straddles two shards. The spool is used up. */
async function writeShards(
  work: string,
  side: Side,
  spool: Spool,
  bpe: Bpe,
  encode: Encode,
  shardTokens: number,
  say: Say,
): Promise<TokenFile[]> {
  say(
    `encoding ${count(spool.documents)} ${side === 'val' ? 'validation' : 'training'} documents, ${megabytes(spool.bytes)}`,
  )
  const pace = new Pace()
  const shards: TokenFile[] = []
  const next = (): TokenFile => {
    const name = side === 'val' ? 'val.bin' : `train-${String(shards.length).padStart(3, '0')}.bin`
    const shard = new TokenFile(path.join(work, name), bpe.vocab, bpe.bos)
    shards.push(shard)
    return shard
  }
  let shard = next()
  let documents = 0
  try {
    for (const batch of spool.batches()) {
      for (const ids of await encode(batch)) {
        if (shard.count > 0 && shard.count + 1 + ids.length > shardTokens) {
          shard.close()
          shard = next()
        }
        shard.append(ids)
      }
      documents += batch.length
      if (pace.due()) say(`encoding: ${Math.floor((100 * documents) / spool.documents)}%`)
    }
    shard.close()
  } finally {
    shard.abandon()
  }
  fs.rmSync(spool.file)
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
