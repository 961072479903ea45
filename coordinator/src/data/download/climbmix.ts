// The corpus of the reference (karpathy/autoresearch, prepare.py): 6543 shards of shuffled ClimbMix text in Parquet, the first ones for
// training, the last one pinned for validation. Fetched once into a folder; what is there is not fetched again.
import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { identityOf, isRunning } from '../../server/identity.ts'
import { cannotWrite, DataError, isErrno } from '../errors.ts'
import { sha256File } from '../manifest.ts'
import { Refused } from './exchange.ts'
import { Fetched, fetchFile } from './file.ts'

export const CLIMBMIX_URL = 'https://huggingface.co/datasets/karpathy/climbmix-400b-shuffle/resolve/main'
const LAST = 6542
export const HELD_SHARD = shardName(LAST)
/** Of training shards; the reference's own number. */
export const SHARDS = 10
export const SHARDS_MAX = LAST

const AT_ONCE = 2
const NOTE = 'checksums.json'
const LOCK = '.fetching.json'
const SAY_MS = 3_000
/** Parquet begins and ends with these bytes. */
const MAGIC = 'PAR1'

export interface Shards {
  /** In order, the held one last. */
  files: string[]
  fetched: number
  /** On disk. */
  bytes: number
}

export interface Wish {
  /** Where they lie. */
  dir: string
  /** Of training shards. */
  count: number
  url: string
  say: (line: string) => void
  firstWaitMs?: number
  stallMs?: number
}

function shardName(n: number): string {
  return `shard_${String(n).padStart(5, '0')}.parquet`
}

export async function climbmix(wish: Wish): Promise<Shards> {
  const names = [...Array.from({ length: wish.count }, (_, i) => shardName(i)), HELD_SHARD]
  try {
    fs.mkdirSync(wish.dir, { recursive: true })
    const release = hold(wish.dir)
    try {
      const fetched = await fetchMissing(wish, names)
      const files = names.map((name) => path.join(wish.dir, name))
      return { files, fetched, bytes: files.reduce((sum, file) => sum + fs.statSync(file).size, 0) }
    } finally {
      release()
    }
  } catch (error) {
    throw isErrno(error) ? cannotWrite(wish.dir, error) : error
  }
}

/** How many were. The first one that cannot be had ends it, when those beside it are done: what they bring is kept. */
async function fetchMissing(wish: Wish, names: readonly string[]): Promise<number> {
  const { dir, url, say, ...pace } = wish
  const notes = new Notes(dir)
  const missing = names.filter((name) => !notes.holds(name, say))
  if (missing.length === 0) return 0
  say(`fetching ${missing.length} of ${names.length} shards from ${url} into ${dir}`)
  const meter = new Meter(missing.length, say)
  const queue = [...missing]
  let failed: { name: string; error: unknown } | undefined
  const work = async (): Promise<void> => {
    for (let name = queue.shift(); name !== undefined && failed === undefined; name = queue.shift()) {
      const shard = name
      try {
        const file = path.join(dir, shard)
        const see = (bytes: number, whole: number | undefined): void => meter.see(shard, bytes, whole)
        const order = { ...pace, url: `${url.replace(/\/+$/, '')}/${shard}`, file, wrong: notParquet, say, see }
        notes.write(shard, await fetchFile(order))
        meter.done(shard)
      } catch (error) {
        failed ??= { name: shard, error }
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  if (failed === undefined) return missing.length
  if (!(failed.error instanceof Refused)) throw failed.error
  const left = missing.filter((name) => !fs.existsSync(path.join(dir, name)))
  throw new DataError('download', withoutNetwork(wish, failed.name, failed.error.message, left), {
    cause: failed.error,
  })
}

function withoutNetwork({ dir, url }: Wish, name: string, why: string, left: readonly string[]): string {
  const proxy = Object.keys(process.env).find((key) => /^https?_proxy$/i.test(key))
  return [
    `${name} could not be fetched: ${why}. What has come is kept, and the same command goes on from there.`,
    ...(proxy === undefined ? [] : [`${proxy} is set, which Node uses only from 24 on and with NODE_USE_ENV_PROXY=1.`]),
    `Where there is no way to ${url}, fetch ${left.length === 1 ? 'it' : `the ${left.length} missing shards`} elsewhere and copy ${left.length === 1 ? 'it' : 'them'} into ${dir}, then run the same command again:`,
    ...left.slice(0, 3).map((one) => `  curl -fLO ${url.replace(/\/+$/, '')}/${one}`),
    ...(left.length > 3 ? [`  … to ${left.at(-1)}`] : []),
    'Parquet files of your own: swarm prepare --parquet DIR --vocab 8192 --passage whole --val-share 0.01',
  ].join('\n')
}

/** Why this cannot be a Parquet file, as far as its first and last bytes tell. */
function notParquet(file: string): string | undefined {
  const fd = fs.openSync(file, 'r')
  try {
    const { size } = fs.fstatSync(fd)
    const ends = [0, size - MAGIC.length].map((at) => {
      const bytes = Buffer.alloc(MAGIC.length)
      fs.readSync(fd, bytes, 0, bytes.length, Math.max(0, at))
      return bytes.toString('latin1')
    })
    return size >= 12 && ends.every((end) => end === MAGIC) ? undefined : 'it is no whole Parquet file'
  } finally {
    fs.closeSync(fd)
  }
}

/** checksums.json: size, sha256 and where the hash came from, of every shard that was found whole. */
class Notes {
  readonly #file: string
  readonly #known: Record<string, Fetched>

  constructor(readonly dir: string) {
    this.#file = path.join(dir, NOTE)
    try {
      this.#known = z.record(z.string(), Fetched).parse(JSON.parse(fs.readFileSync(this.#file, 'utf8')))
    } catch {
      this.#known = {}
    }
  }

  /** A shard that is there: fetched before, or put there by hand. */
  holds(name: string, say: (line: string) => void): boolean {
    const file = path.join(this.dir, name)
    const size = fs.statSync(file, { throwIfNoEntry: false })?.size
    if (size === undefined) return false
    const known = this.#known[name]
    if (known?.bytes === size) return true
    const why = known === undefined ? notParquet(file) : `it has ${size} bytes and not ${known.bytes}`
    if (why === undefined) {
      this.write(name, { bytes: size, sha256: sha256File(file), hashFrom: 'hand' })
      return true
    }
    say(`${file} is there, but ${why}: it is fetched again`)
    return false
  }

  write(name: string, fetched: Fetched): void {
    this.#known[name] = fetched
    const text = JSON.stringify(
      Object.fromEntries(Object.entries(this.#known).sort(([a], [b]) => (a < b ? -1 : 1))),
      null,
      2,
    )
    fs.writeFileSync(`${this.#file}.new`, `${text}\n`, { flush: true })
    fs.renameSync(`${this.#file}.new`, this.#file)
  }
}

/** Two processes must not write one part. */
function hold(dir: string): () => void {
  const file = path.join(dir, LOCK)
  try {
    const holder = JSON.parse(fs.readFileSync(file, 'utf8')) as { pid: number; started: string }
    if (isRunning(holder) && holder.pid !== process.pid)
      throw new DataError('occupied', `process ${holder.pid} is fetching into ${dir} already; wait for it, or end it`)
  } catch (error) {
    if (error instanceof DataError) throw error
  }
  fs.writeFileSync(file, JSON.stringify(identityOf(process.pid)))
  return () => fs.rmSync(file, { force: true })
}

/** A line every few seconds: shards, bytes, pace, time left. */
class Meter {
  readonly #seen = new Map<string, { bytes: number; whole: number | undefined }>()
  readonly #began = performance.now()
  #brought = 0
  #done = 0
  #next = performance.now() + SAY_MS

  constructor(
    readonly count: number,
    readonly say: (line: string) => void,
  ) {}

  see(name: string, bytes: number, whole: number | undefined): void {
    const before = this.#seen.get(name)
    // The first look tells what an earlier process had brought.
    if (before !== undefined) this.#brought += Math.max(0, bytes - before.bytes)
    this.#seen.set(name, { bytes, whole })
    if (performance.now() >= this.#next) this.#tell()
  }

  done(name: string): void {
    this.#done++
    const { bytes = 0 } = this.#seen.get(name) ?? {}
    this.say(`${name} is here, ${megabytes(bytes)}, ${this.#done} of ${this.count}`)
  }

  #tell(): void {
    this.#next = performance.now() + SAY_MS
    const all = [...this.#seen.values()]
    const bytes = all.reduce((sum, one) => sum + one.bytes, 0)
    const known = all.flatMap(({ whole }) => whole ?? [])
    const mean = known.reduce((sum, one) => sum + one, 0) / Math.max(1, known.length)
    const whole = mean * this.count
    const pace = this.#brought / ((performance.now() - this.#began) / 1000)
    const of = known.length === 0 ? '' : ` of about ${megabytes(whole)}`
    const left = known.length === 0 || pace === 0 ? '' : `, ${Math.round(Math.max(0, whole - bytes) / pace)} s left`
    this.say(`${this.#done} of ${this.count} shards, ${megabytes(bytes)}${of}, ${megabytes(pace)} a second${left}`)
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 1e7 ? 2 : 0)} MB`
}
