// One file from a server, whole or not at all: it grows as FILE.part, goes on where it was cut off, in this process or the next, and gets
// its name when size and hash are right.
import fs from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { sha256File } from '../manifest.ts'
import { ask, Interrupted, outage, Refused, type Stated } from './exchange.ts'

/** Tries in a row that bring nothing new, and downloads in a row that turn out damaged. */
const FRUITLESS = 7
const FRUITLESS_OFFLINE = 3
const DAMAGED = 3
const LONGEST_WAIT_MS = 60_000

export interface Order {
  url: string
  file: string
  /** Why these bytes cannot be the file, where the server states no hash. */
  wrong: (file: string) => string | undefined
  say: (line: string) => void
  /** Bytes on disk and of the whole file, as both become known. */
  see: (bytes: number, whole: number | undefined) => void
  /** Before the first new try; doubled with each one that brings nothing. */
  firstWaitMs?: number
  /** No byte for this long: the connection is dead. */
  stallMs?: number
}

/** What was fetched, as it is noted down. */
export const Fetched = z.strictObject({
  bytes: z.number().int().nonnegative(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** server: it stated this hash before. here: taken after the download. hand: the file was there. */
  hashFrom: z.enum(['server', 'here', 'hand']),
  version: z.string().optional(),
})
export type Fetched = z.infer<typeof Fetched>

/** What FILE.part is a part of. */
const Begun = z.object({ bytes: z.number().optional(), sha256: z.string().optional(), version: z.string().optional() })

class Damaged extends Interrupted {}

export async function fetchFile(order: Order): Promise<Fetched> {
  const { say, firstWaitMs = 1_000 } = order
  const name = path.basename(order.file)
  const part = new Part(order.file)
  let most = part.begun === undefined ? 0 : part.bytes
  let heard = false
  let fruitless = 0
  let damaged = 0
  for (;;) {
    try {
      return await attempt(order, part)
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error
      heard ||= error.more.unreachable !== true
      const gained = part.bytes > most
      most = Math.max(most, part.bytes)
      fruitless = gained ? 0 : fruitless + 1
      damaged = error instanceof Damaged ? damaged + 1 : damaged
      if (damaged >= DAMAGED || fruitless >= (heard ? FRUITLESS : FRUITLESS_OFFLINE))
        throw new Refused(error.message, { cause: error })
      const doubled = firstWaitMs * 2 ** Math.max(0, fruitless - 1)
      const wait = Math.min(LONGEST_WAIT_MS, Math.max(error.more.afterMs ?? 0, doubled * (0.75 + Math.random() / 2)))
      say(`${name}: ${error.message}; again in ${(wait / 1000).toFixed(wait < 10_000 ? 1 : 0)} s`)
      await new Promise((resolve) => setTimeout(resolve, wait))
    }
  }
}

async function attempt(order: Order, part: Part): Promise<Fetched> {
  const whole = part.begun?.bytes
  // A process that was killed before the last step left a whole part.
  if (whole === undefined || part.bytes !== whole) await receive(order, part)
  return finish(order, part)
}

async function receive({ url, see, say, file, stallMs = 30_000 }: Order, part: Part): Promise<void> {
  const { host } = new URL(url)
  const dead = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const alive = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => dead.abort(new Interrupted(`${host} has sent nothing for ${stallMs / 1000} s`)), stallMs)
  }
  alive()
  try {
    const had = part.bytes
    const answer = await ask(url, had, part.begun?.version, dead.signal)
    if (had > 0 && !(answer.status === 206 && answer.from === had && part.isOf(answer.stated))) {
      // Another version of the file, or a server that always begins at the beginning.
      if (answer.status === 206 || answer.status === 416) {
        part.forget()
        throw new Interrupted('it has changed on the server; from the beginning')
      }
      say(`${path.basename(file)}: the server begins at the beginning`)
    }
    if (answer.status === 416) throw new Refused(`${host} has no bytes of ${url}`)
    if (answer.status === 206 && answer.from !== part.bytes)
      throw new Refused(`${host} sends ${url} from byte ${answer.from} where ${part.bytes} was asked for`)
    part.open(answer.status === 200, answer.stated)
    const { bytes: whole } = answer.stated
    see(part.bytes, whole)
    for await (const chunk of answer.body) {
      alive()
      part.append(chunk)
      if (whole !== undefined && part.bytes > whole) {
        part.forget()
        throw new Damaged(`the server sends more than the ${whole} bytes it announces`)
      }
      see(part.bytes, whole)
    }
    if (whole !== undefined && part.bytes < whole)
      throw new Interrupted(`cut off after ${part.bytes} of ${whole} bytes`)
  } catch (error) {
    if (dead.signal.aborted) throw dead.signal.reason
    // Trouble with our own disk is none of the server's.
    if (typeof (error as NodeJS.ErrnoException).syscall === 'string' && part.isOwn(error)) throw error
    throw outage(error, host)
  } finally {
    clearTimeout(timer)
    dead.abort()
    part.close()
  }
}

/** Size and hash, then the name. */
function finish({ file, wrong }: Order, part: Part): Fetched {
  const { sha256: stated, version } = part.begun ?? {}
  const sha256 = sha256File(part.file)
  const why = stated !== undefined && stated !== sha256 ? "its sha256 is not the server's" : wrong(part.file)
  if (why !== undefined) {
    part.forget()
    throw new Damaged(`${why}: damaged on the way, or not the file`)
  }
  const { bytes } = part
  part.becomes(file)
  return {
    bytes,
    sha256,
    hashFrom: stated === undefined ? 'here' : 'server',
    ...(version === undefined ? {} : { version }),
  }
}

/** FILE.part and, beside it, what it is a part of; without that it is worth nothing. */
class Part {
  readonly file: string
  readonly #note: string
  #fd = -1
  bytes = 0
  begun: z.infer<typeof Begun> | undefined

  constructor(file: string) {
    this.file = `${file}.part`
    this.#note = `${file}.part.json`
    try {
      const begun = Begun.parse(JSON.parse(fs.readFileSync(this.#note, 'utf8')))
      // Without a mark of the version or a hash nobody could say that the rest belongs to it.
      if (begun.version === undefined && begun.sha256 === undefined) return
      this.bytes = fs.statSync(this.file).size
      this.begun = begun
    } catch {
      /* nothing begun, or nothing usable */
    }
  }

  /** Does this answer speak of the same file? */
  isOf({ bytes, sha256, version }: Stated): boolean {
    const same = <T>(a: T | undefined, b: T | undefined): boolean => a === undefined || b === undefined || a === b
    return same(this.begun?.bytes, bytes) && same(this.begun?.sha256, sha256) && same(this.begun?.version, version)
  }

  open(anew: boolean, { bytes, sha256, version }: Stated): void {
    if (anew) this.forget()
    this.begun = {
      ...(bytes === undefined ? {} : { bytes }),
      ...(sha256 === undefined ? {} : { sha256 }),
      ...(version === undefined ? {} : { version }),
    }
    fs.writeFileSync(this.#note, JSON.stringify(this.begun))
    this.#fd = fs.openSync(this.file, 'a')
  }

  append(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) at += fs.writeSync(this.#fd, chunk, at)
    this.bytes += chunk.length
  }

  close(): void {
    if (this.#fd >= 0) fs.closeSync(this.#fd)
    this.#fd = -1
  }

  forget(): void {
    this.close()
    fs.rmSync(this.#note, { force: true })
    fs.rmSync(this.file, { force: true })
    this.begun = undefined
    this.bytes = 0
  }

  /** Of a file of ours, not of the network. */
  isOwn(error: unknown): boolean {
    return ['open', 'write', 'fsync', 'rename', 'unlink', 'stat', 'close'].includes(
      (error as NodeJS.ErrnoException).syscall ?? '',
    )
  }

  becomes(file: string): void {
    const fd = fs.openSync(this.file, 'r+')
    try {
      fs.fsyncSync(fd)
    } finally {
      fs.closeSync(fd)
    }
    fs.renameSync(this.file, file)
    fs.rmSync(this.#note, { force: true })
  }
}
