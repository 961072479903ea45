// Which documents are kept for validation: decided by hashes of file names or of the text itself, never by the order in
// which files were given or by the machine.
import { createHash } from 'node:crypto'

export type Side = 'train' | 'val'
export type Split = (file: string, text: string) => Side

/** With this many files a split by file comes near any share. */
const FILES = 20

/**
 * By file: files in the order of the sha256 of their names, for validation until `share` of all bytes is reached. It keeps
 * neighbouring passages on one side, which is the more honest test, and is taken where there are enough files and the
 * last one taken does not carry the validation part beyond twice its share.
 * By passage otherwise: for validation when the first 32 bits of the text's sha256, as a fraction, are below `share`.
 */
export function splitOf(
  files: { name: string; bytes: number }[],
  share: number,
): { by: 'file' | 'passage'; side: Split } {
  const wanted = share * files.reduce((sum, file) => sum + file.bytes, 0)
  const ranked = files
    .map((file) => ({ ...file, rank: sha256(file.name) }))
    .sort((a, b) => Buffer.compare(a.rank, b.rank))
  const held = new Set<string>()
  let bytes = 0
  for (const file of ranked) {
    if (bytes >= wanted) break
    held.add(file.name)
    bytes += file.bytes
  }
  if (files.length >= FILES && bytes <= 2 * wanted)
    return { by: 'file', side: (file) => (held.has(file) ? 'val' : 'train') }
  return { by: 'passage', side: (_file, text) => (sha256(text).readUInt32BE(0) < share * 2 ** 32 ? 'val' : 'train') }
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
