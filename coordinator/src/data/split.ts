// Which documents are held out: decided by hashes of file names or of the text itself, never by the order in which files were given
// or by the machine. Twice: for validation, and a second, hidden text for results that are too good (docs/decisions/0005).
import { createHash } from 'node:crypto'

/** left: of a held shard, and in neither of the two texts. */
export type Side = 'train' | 'val' | 'hidden' | 'left'
export type Split = (file: string, text: string) => Side

/** With this many files a split by file comes near any share. */
const FILES = 20
/** The hidden text is half as long as the validation text: it has to tell a leak from a gain, not to measure small ones. */
export const HIDDEN_SHARE = 0.5

/**
 * By file: files in the order of the sha256 of their names, for validation until `share` of all bytes is reached, and those after them
 * for the hidden text until half as much is (one that would carry it beyond twice that is left out). It keeps neighbouring passages on
 * one side, which is the more honest test, and is taken where there are enough files and the last one taken does not carry the
 * validation part beyond twice its share.
 * By passage otherwise: the first 32 bits of the text's sha256, as a fraction, are below `share`, or below that and half of it.
 */
export function splitOf(
  files: { name: string; bytes: number }[],
  share: number,
): { by: 'file' | 'passage'; side: Split } {
  const wanted = share * files.reduce((sum, file) => sum + file.bytes, 0)
  const ranked = files
    .map((file) => ({ ...file, rank: sha256(file.name) }))
    .sort((a, b) => Buffer.compare(a.rank, b.rank))
  const held = new Map<string, Side>()
  let bytes = 0
  let hidden = 0
  for (const file of ranked) {
    if (bytes < wanted) {
      held.set(file.name, 'val')
      bytes += file.bytes
    } else if (hidden < HIDDEN_SHARE * wanted && hidden + file.bytes <= 2 * HIDDEN_SHARE * wanted) {
      held.set(file.name, 'hidden')
      hidden += file.bytes
    }
  }
  if (files.length >= FILES && bytes <= 2 * wanted) return { by: 'file', side: (file) => held.get(file) ?? 'train' }
  return { by: 'passage', side: (_file, text) => sideAt(sha256(text).readUInt32BE(0) / 2 ** 32, share) }
}

/**
 * By shard: nothing of `shard` is trained on. One row in three, by the hash of its text, is for the hidden text and the others for
 * validation, each in order until there is enough of it.
 */
export function splitByShard(shard: string, most: number): { by: 'shard'; side: Split } {
  const bytes = { val: 0, hidden: 0 }
  const enough = { val: most, hidden: HIDDEN_SHARE * most }
  return {
    by: 'shard',
    side(file, text) {
      if (file !== shard) return 'train'
      const on = sha256(text).readUInt32BE(0) % 3 === 0 ? 'hidden' : 'val'
      if (bytes[on] >= enough[on]) return 'left'
      bytes[on] += Buffer.byteLength(text)
      return on
    },
  }
}

function sideAt(fraction: number, share: number): Side {
  if (fraction < share) return 'val'
  return fraction < share * (1 + HIDDEN_SHARE) ? 'hidden' : 'train'
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
