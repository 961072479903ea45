// What stands where a data set shall go. Another's files are never touched, and a good data set of other text or settings
// only when asked: runs may stand on it.
import fs from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { DataError, cannotRead } from './errors.ts'
import { MANIFEST, readManifest, verifyDataset, type Manifest, type Plan } from './manifest.ts'
import { clearLeftovers } from './place.ts'

/** Up to this much, every look hashes all files (0.2 s); beyond it sizes and headers are compared, and --check does the rest. */
const HASHED_BYTES = 300_000_000
const OURS = /^(train-\d{3,}\.bin|val\.bin|hidden\.bin|token_bytes\.bin|tokenizer\.json|manifest\.json)$/

/** right: the data set is there. free: there is none, or one that may be replaced. */
export function standing(dir: string, plan: Plan, force: boolean, say: (line: string) => void): 'right' | 'free' {
  clearLeftovers(dir)
  const names = list(dir)
  if (names.length === 0) return 'free'
  const foreign = names.filter((name) => !OURS.test(name))
  if (foreign.length > 0) {
    throw new DataError(
      'occupied',
      `${dir} holds other files (${foreign.slice(0, 3).join(', ')}); choose an empty or new folder with --data`,
    )
  }
  if (force) return 'free'
  if (!names.includes(MANIFEST)) {
    say(`${dir} is a data set without its manifest: making it anew`)
    return 'free'
  }
  const { manifest } = readManifest(dir)
  const difference = differs(manifest, plan)
  if (difference) {
    throw new DataError(
      'occupied',
      `${dir} holds a data set with ${difference}; replace it with --force, or choose another folder with --data`,
    )
  }
  try {
    verifyDataset(dir, { hashes: bytesOf(manifest) <= HASHED_BYTES })
    if (manifest.documents.hidden === undefined)
      say(
        `${dir} has no second held-out text, so results that are too good cannot be checked; --force makes it anew with one`,
      )
    return 'right'
  } catch (error) {
    if (!(error instanceof DataError)) throw error
    say(`${error.message.replace(/; run .*/, '')}: making it anew`)
    return 'free'
  }
}

function list(dir: string): string[] {
  try {
    return fs.readdirSync(dir)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return []
    if ((cause as NodeJS.ErrnoException).code === 'ENOTDIR')
      throw new DataError('occupied', `${dir} is a file; choose a folder with --data`, { cause })
    throw cannotRead(dir, cause)
  }
}

function differs(manifest: Manifest, plan: Plan): string {
  if (manifest.vocab !== plan.vocab) return `vocabulary ${manifest.vocab}, not ${plan.vocab}`
  if (!isDeepStrictEqual(manifest.source, plan.source))
    return `other text (${manifest.source.kind}, ${manifest.source.files} files, ${manifest.source.bytes} bytes)`
  if (!isDeepStrictEqual(manifest.split, plan.split))
    return `another split (${manifest.split.share} by ${manifest.split.by}, passages of ${manifest.split.passage} bytes)`
  return ''
}

function bytesOf(manifest: Manifest): number {
  return Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0)
}
