// swarm prepare: text to data set.
import path from 'node:path'
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { Shards } from '../data/download/climbmix.ts'
import type { Prepared } from '../data/prepare.ts'
import {
  CLIMBMIX_VAL_MB,
  CLIMBMIX_VAL_MB_MAX,
  CLIMBMIX_VOCAB,
  PASSAGE,
  PASSAGE_MIN,
  VAL_SHARE,
  VAL_SHARE_MAX,
  VAL_SHARE_MIN,
  VOCAB,
  VOCAB_MAX,
  VOCAB_MIN,
  WHOLE,
  type SourceKind,
  defaultDir,
} from '../data/settings.ts'
import { stateDir } from '../home.ts'
import { withExamples } from './examples.ts'
import { Usage } from './failure.ts'
import { folder, jsonOption, whole } from './options.ts'
import { data, jsonLine, say, seconds } from './output.ts'

interface Options {
  data?: string
  vocab: number
  text?: string[]
  parquet?: string[]
  column: string
  valShare: number
  passage: number
  force?: true
  check?: true
  json: boolean
  preset?: 'climbmix'
  shards?: number
  shardDir?: string
  sourceUrl?: string
  valMb?: number
}
/** What belongs to the preset alone. */
const OF_PRESET = { shards: '--shards', shardDir: '--shard-dir', sourceUrl: '--source-url', valMb: '--val-mb' } as const

const EXAMPLES = [
  'swarm prepare                            the default corpus: 233 speeches, 10.8 MB, without network',
  'swarm prepare --text notes/ book.txt     your own UTF-8 text',
  'swarm prepare --parquet shards/ --vocab 8192 --passage whole --val-share 0.01',
  'swarm prepare --preset climbmix           the corpus of the reference: 11 shards, about 1 GB, from Hugging Face',
  'swarm prepare --preset climbmix --shards 2 --val-mb 5     a small piece of it, for a try',
  'swarm prepare --check                    hash every file of the data set',
]

export function register(program: Command): void {
  const command = program
    .command('prepare')
    .description('turn text into a data set: passages, a byte-level BPE, token shards, a manifest')
    .option('--data <dir>', 'where the data set goes (default: <state>/data/<source>-v<vocab>)', folder)
    .option('--vocab <n>', `tokens in the vocabulary, ${VOCAB_MIN} to ${VOCAB_MAX}`, whole(VOCAB_MIN, VOCAB_MAX), VOCAB)
    .addOption(
      new Option(
        '--text <path...>',
        'UTF-8 files, or folders of .txt .text .md files, instead of the default corpus',
      ).conflicts('parquet'),
    )
    .option('--parquet <path...>', 'Parquet files, or folders of .parquet files')
    .option('--column <name>', 'text column of the Parquet files', 'text')
    .option('--val-share <share>', 'share of the text kept for validation', share, VAL_SHARE)
    .option('--passage <bytes>', 'length of a document, or "whole" to keep files and rows together', passage, PASSAGE)
    .addOption(
      new Option('--preset <name>', "climbmix: fetch the reference's corpus first, and go on where a fetch was cut off")
        .choices(['climbmix'])
        .conflicts(['text', 'parquet', 'column', 'valShare']),
    )
    .option('--shards <n>', 'of the preset: shards for training (default: 10); one more is held out', whole(1, 6542))
    .option('--shard-dir <dir>', 'of the preset: where shards are kept (default: <state>/shards/climbmix)', folder)
    .option('--source-url <url>', 'of the preset: fetch from a mirror', address)
    .option(
      '--val-mb <n>',
      `of the preset: validation text out of the held shard, MB (default: ${CLIMBMIX_VAL_MB})`,
      megabytes,
    )
    .option('--force', 'make it anew, also over a data set of other text or settings')
    .option('--check', 'make nothing: hash every file of the data set and compare')
    .addOption(jsonOption())
    .action(async (options: Options, command: Command) => {
      const stray = Object.entries(OF_PRESET).find(([key]) => options[key as keyof typeof OF_PRESET] !== undefined)
      if (stray !== undefined && options.preset === undefined)
        throw new Usage(`${stray[1]} goes with --preset climbmix.`)
      if (options.preset !== undefined) {
        const given = (name: string): boolean => command.getOptionValueSource(name) !== 'default'
        if (!given('vocab')) options.vocab = CLIMBMIX_VOCAB
        if (!given('passage')) options.passage = WHOLE
      }
      print(options, options.check ? await check(options) : await make(options))
    })
  withExamples(command, EXAMPLES)
}

type Made = Prepared & { shards?: Shards & { dir: string } }

async function make({ data: dir, ...options }: Options): Promise<Made> {
  const { prepare } = await import('../data/prepare.ts')
  const to = dir === undefined ? {} : { dir }
  if (options.preset === undefined) return prepare({ ...options, ...to, say })
  const { climbmix, CLIMBMIX_URL, HELD_SHARD, SHARDS } = await import('../data/download/climbmix.ts')
  const kept = options.shardDir ?? path.join(stateDir(), 'shards', 'climbmix')
  const { shards: count = SHARDS, sourceUrl: url = CLIMBMIX_URL, valMb = CLIMBMIX_VAL_MB } = options
  const shards = await climbmix({ dir: kept, count, url, say })
  const held = { files: shards.files, shard: HELD_SHARD, most: Math.round(valMb * 1e6) }
  return { ...(await prepare({ ...options, ...to, climbmix: held, say })), shards: { ...shards, dir: kept } }
}

async function check(options: Options): Promise<Prepared> {
  const started = performance.now()
  const { verifyDataset } = await import('../data/manifest.ts')
  const dir = options.data ?? defaultDir(kindOf(options), options.vocab)
  return { dir, state: 'unchanged', ...verifyDataset(dir), seconds: Math.round(performance.now() - started) / 1000 }
}

function kindOf({ preset, text, parquet }: Options): SourceKind {
  return preset ?? (text ? 'text' : parquet ? 'parquet' : 'sotu')
}

function print(options: Options, prepared: Made): void {
  const { manifest, hash, dir, state, shards } = prepared
  if (options.json) {
    const of = shards === undefined ? {} : { shards: { ...shards, files: shards.files.length } }
    jsonLine({ dir, state, hash, seconds: prepared.seconds, ...manifest, ...of })
    return
  }
  const { tokens, documents, bytesPerToken, split } = manifest
  const n = (value: number): string => value.toLocaleString('en-US')
  data(`${options.check ? 'every file is right:' : state === 'prepared' ? 'prepared' : 'already prepared:'} ${dir}`)
  data(
    `  ${manifest.name}  vocabulary ${manifest.vocab}  ${bytesPerToken} bytes a token  manifest ${hash.slice(0, 12)}  ${seconds(prepared.seconds)}`,
  )
  data(`  training    ${n(tokens.train)} tokens in ${n(documents.train)} documents`)
  data(`  validation  ${n(tokens.val)} tokens in ${n(documents.val)} documents, split by ${split.by}`)
  if (tokens.hidden !== undefined)
    data(
      `  hidden      ${n(tokens.hidden)} tokens in ${n(documents.hidden ?? 0)} documents, for results that are too good`,
    )
}

function address(text: string): string {
  if (!/^https?:\/\/[^/\s]+/.test(text) || !URL.canParse(text))
    throw new InvalidArgumentError('It looks like https://HOST/PATH; /shard_00000.parquet is put behind it.')
  return text
}

function megabytes(text: string): number {
  const n = Number(text)
  if (text.trim() === '' || !(n > 0 && n <= CLIMBMIX_VAL_MB_MAX))
    throw new InvalidArgumentError(`A number above 0, at most ${CLIMBMIX_VAL_MB_MAX}, is needed.`)
  return n
}

function share(text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !(value >= VAL_SHARE_MIN && value <= VAL_SHARE_MAX)) {
    throw new InvalidArgumentError(`A number from ${VAL_SHARE_MIN} to ${VAL_SHARE_MAX} is needed.`)
  }
  return value
}

function passage(text: string): number {
  return text === 'whole' ? WHOLE : whole(PASSAGE_MIN, WHOLE)(text)
}
