// Byte-level BPE: ids 0..255 are the bytes themselves, 256 and up are merges in the order they were learned, the last four
// are reserved (BOS = V−4). The `tokenizers` package learns and applies the merges; it always trains 30,000 entries, of
// which the first V−260 merges are kept: BPE learns greedily, so a prefix is what a smaller training would have given.
import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { Tokenizer } from 'tokenizers'
import { describeEnd, run } from '@swarm/shared/exec'
import { z } from 'zod'
import { DataError } from './errors.ts'
import { BYTES, RESERVED } from './settings.ts'

/**
 * What may merge: the split of GPT-4's cl100k with digits in groups of one or two, as the reference recipe has it.
 * Applied by the package alone: its tables of letters are fixed by its version, Node's are not.
 */
const PATTERN =
  "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,2}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"

const Id = z.number().int().nonnegative()
/** tokenizer.json. Merge k joins two earlier ids into id 256+k. */
export const Bpe = z.strictObject({
  version: z.literal(1),
  vocab: Id,
  bos: Id,
  pattern: z.string(),
  merges: z.array(z.tuple([Id, Id])),
})
export type Bpe = z.infer<typeof Bpe>

/** Ends a document in the file the trainer reads line by line: dropped before anything is counted. */
export const TRAINING_SEPARATOR = '\u0000\n'

// The package writes each byte as a printable character (GPT-2's table): itself where it is one, else from U+0100 on.
const CHAR_OF_BYTE: string[] = []
for (let byte = 0, next = 256; byte < BYTES; byte++) {
  const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
  CHAR_OF_BYTE.push(String.fromCharCode(printable ? byte : next++))
}

function config(vocab: Record<string, number>, merges: [string, string][], forTraining: boolean): string {
  const pattern = { type: 'Split', pattern: { Regex: PATTERN }, behavior: 'Isolated', invert: false }
  const separator = { type: 'Split', pattern: { String: TRAINING_SEPARATOR }, behavior: 'Removed', invert: false }
  const bytes = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false }
  return JSON.stringify({
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    post_processor: null,
    pre_tokenizer: { type: 'Sequence', pretokenizers: forTraining ? [separator, pattern, bytes] : [pattern, bytes] },
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges,
    },
  })
}

/** Learns from a file of documents, each closed by TRAINING_SEPARATOR. Leaves two JSON files in `scratch`. */
export async function trainBpe(text: string, vocab: number, scratch: string): Promise<Bpe> {
  const settings = path.join(scratch, 'train-config.json')
  const result = path.join(scratch, 'train-result.json')
  fs.writeFileSync(settings, config({}, [], true))
  const script = fileURLToPath(new URL('train-merges.mjs', import.meta.url))
  const { end, output } = await run(process.execPath, [script, settings, text, result])
  if (end.how !== 'exit' || end.code !== 0) {
    const last = output.trim().split('\n').at(-1) ?? ''
    throw new DataError(
      'training',
      `the tokenizer's training ${describeEnd(end)} (${last}); run \`npm run setup\` if its package is damaged, or free some memory`,
    )
  }
  const trained = JSON.parse(fs.readFileSync(result, 'utf8')) as { model: { merges: [string, string][] } }
  const wanted = vocab - BYTES - RESERVED
  if (trained.model.merges.length < wanted) {
    const most = trained.model.merges.length + BYTES + RESERVED
    throw new DataError(
      'vocabulary',
      `this text is too plain for a vocabulary of ${vocab}: it gives ${most} at most; take --vocab ${most} or less, or give more text`,
    )
  }
  const idOf = new Map(CHAR_OF_BYTE.map((char, byte) => [char, byte]))
  const merges = trained.model.merges.slice(0, wanted).map(([a, b], k): [number, number] => {
    idOf.set(a + b, BYTES + k)
    return [idOf.get(a)!, idOf.get(b)!]
  })
  return { version: 1, vocab, bos: vocab - RESERVED, pattern: PATTERN, merges }
}

/** Text to token ids, many documents at a time. */
export type Encode = (texts: string[]) => Promise<number[][]>

/** 2 to 6 MB of text a second. */
export function encoder(bpe: Bpe): Encode {
  const spelling = [...CHAR_OF_BYTE]
  const merges = bpe.merges.map(([a, b]): [string, string] => {
    spelling.push(spelling[a]! + spelling[b]!)
    return [spelling[a]!, spelling[b]!]
  })
  const tokenizer = Tokenizer.fromString(config(Object.fromEntries(spelling.map((s, id) => [s, id])), merges, false))
  return async (texts) =>
    (await tokenizer.encodeBatch(texts, { addSpecialTokens: false })).map((encoding) => encoding.getIds())
}

/** The raw bytes of every token; none for the reserved ones. */
export function tokenBytes(bpe: Bpe): Buffer[] {
  const bytes = Array.from({ length: BYTES }, (_, byte) => Buffer.of(byte))
  for (const [a, b] of bpe.merges) bytes.push(Buffer.concat([bytes[a]!, bytes[b]!]))
  while (bytes.length < bpe.vocab) bytes.push(Buffer.alloc(0))
  return bytes
}

/** Ids back to bytes, exactly what was encoded; reserved tokens give nothing. */
export function decode(bpe: Bpe, ids: Iterable<number>): Buffer {
  const table = tokenBytes(bpe)
  return Buffer.concat([...ids].map((id) => table[id]!))
}
