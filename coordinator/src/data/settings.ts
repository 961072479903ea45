// What a data set is made with: the defaults and the ranges, each with its reason. Light to import: `--help` shows them.
import path from 'node:path'
import { stateDir } from '../home.ts'
import { DataError } from './errors.ts'

/** Ids 0..255 are the bytes. */
export const BYTES = 256
/** The last four ids; BOS is the first of them. */
export const RESERVED = 4

export const VOCAB = 1024
export const VOCAB_MIN = 300
/** The tokenizers package trains 30,000 entries, single characters included: this many are always there. */
export const VOCAB_MAX = 30_000
export const VAL_SHARE = 0.08
export const VAL_SHARE_MIN = 0.0001
export const VAL_SHARE_MAX = 0.5
/** Bytes of a document, about. */
export const PASSAGE = 700
export const PASSAGE_MIN = 100
/** "whole": a file or row stays together, up to this much. */
export const WHOLE = 1_000_000

export interface Settings {
  vocab: number
  valShare: number
  passage: number
}

export function checkedSettings({
  vocab = VOCAB,
  valShare = VAL_SHARE,
  passage = PASSAGE,
}: Partial<Settings>): Settings {
  if (!Number.isInteger(vocab) || vocab < VOCAB_MIN || vocab > VOCAB_MAX) {
    throw new DataError(
      'vocabulary',
      `a vocabulary has ${VOCAB_MIN} to ${VOCAB_MAX} tokens (${BYTES} bytes, the merges, ${RESERVED} reserved), not ${vocab}; choose one with --vocab`,
    )
  }
  if (!(valShare >= VAL_SHARE_MIN && valShare <= VAL_SHARE_MAX)) {
    throw new DataError(
      'settings',
      `the validation share lies between ${VAL_SHARE_MIN} and ${VAL_SHARE_MAX}, not at ${valShare}; choose one with --val-share`,
    )
  }
  if (!Number.isInteger(passage) || passage < PASSAGE_MIN || passage > WHOLE) {
    throw new DataError(
      'settings',
      `a passage has ${PASSAGE_MIN} to ${WHOLE} bytes, not ${passage}; choose a length with --passage`,
    )
  }
  return { vocab, valShare, passage }
}

/** Vocabulary of the reference. */
export const CLIMBMIX_VOCAB = 8192
/** Of its held shard, for validation: enough for the 20,971,520 tokens the reference judges on if one is at most 5.2 bytes. */
export const CLIMBMIX_VAL_MB = 110
export const CLIMBMIX_VAL_MB_MAX = 10_000

export type SourceKind = 'sotu' | 'text' | 'parquet' | 'climbmix'

/** Where a data set goes unless told otherwise. */
export function defaultDir(kind: SourceKind, vocab: number): string {
  return path.join(stateDir(), 'data', `${kind}-v${vocab}`)
}
