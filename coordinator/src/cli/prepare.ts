// swarm prepare: text to data set.
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { Prepared } from '../data/prepare.ts'
import {
  PASSAGE,
  PASSAGE_MIN,
  VAL_SHARE,
  VAL_SHARE_MAX,
  VAL_SHARE_MIN,
  VOCAB,
  VOCAB_MAX,
  VOCAB_MIN,
  WHOLE,
  defaultDir,
} from '../data/settings.ts'
import { withExamples } from './examples.ts'
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
}

const EXAMPLES = [
  'swarm prepare                            the default corpus: 233 speeches, 10.8 MB, without network',
  'swarm prepare --text notes/ book.txt     your own UTF-8 text',
  'swarm prepare --parquet shards/ --vocab 8192 --passage whole --val-share 0.01',
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
    .option('--force', 'make it anew, also over a data set of other text or settings')
    .option('--check', 'make nothing: hash every file of the data set and compare')
    .addOption(jsonOption())
    .action(async (options: Options) => print(options, options.check ? await check(options) : await make(options)))
  withExamples(command, EXAMPLES)
}

async function make({ data: dir, ...options }: Options): Promise<Prepared> {
  const { prepare } = await import('../data/prepare.ts')
  return prepare({ ...options, ...(dir === undefined ? {} : { dir }), say })
}

async function check(options: Options): Promise<Prepared> {
  const started = performance.now()
  const { verifyDataset } = await import('../data/manifest.ts')
  const dir = options.data ?? defaultDir(options.text ? 'text' : options.parquet ? 'parquet' : 'sotu', options.vocab)
  return { dir, state: 'unchanged', ...verifyDataset(dir), seconds: Math.round(performance.now() - started) / 1000 }
}

function print(options: Options, prepared: Prepared): void {
  const { manifest, hash, dir, state } = prepared
  if (options.json) {
    jsonLine({ dir, state, hash, seconds: prepared.seconds, ...manifest })
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
