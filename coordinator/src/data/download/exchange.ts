// One exchange with a server that has files: the request, redirects followed by hand, and what the answer says of the file. What went
// wrong is either worth another try (Interrupted) or not (Refused).
const MOST_REDIRECTS = 6
const AGAIN = new Set([408, 425, 429, 500, 502, 503, 504])

/** Cut off, busy, damaged on the way: another try may go well. */
export class Interrupted extends Error {
  override name = 'Interrupted'
  constructor(
    message: string,
    readonly more: { afterMs?: number; unreachable?: boolean; cause?: unknown } = {},
  ) {
    super(message, { cause: more.cause })
  }
}

/** The server will say the same next time. */
export class Refused extends Error {
  override name = 'Refused'
}

/** What a server states of a file; each may be missing. */
export interface Stated {
  /** Of the whole file. */
  bytes: number | undefined
  /** Of the whole file, in hex. */
  sha256: string | undefined
  /** A mark of this version of the file, fit for If-Range: a strong ETag or a date. */
  version: string | undefined
}

export interface Answer {
  status: 200 | 206 | 416
  /** 206: where the body begins. */
  from: number
  stated: Stated
  body: AsyncIterable<Uint8Array>
}

/** Asks for a file from byte `from` on, of this version. */
export async function ask(
  url: string,
  from: number,
  version: string | undefined,
  signal: AbortSignal,
): Promise<Answer> {
  const headers: Record<string, string> = { 'accept-encoding': 'identity', 'user-agent': 'swarm-prepare' }
  if (from > 0) headers.range = `bytes=${from}-`
  if (from > 0 && version !== undefined) headers['if-range'] = version
  // Where the storage is another server, the first one knows the whole file's size and hash (Hugging Face: X-Linked-Size, X-Linked-Etag).
  let linked: Pick<Stated, 'bytes' | 'sha256'> = { bytes: undefined, sha256: undefined }
  let at = new URL(url)
  for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
    const response = await exchange(at, headers, signal)
    const { status } = response
    const h = response.headers
    linked = { bytes: natural(h.get('x-linked-size')) ?? linked.bytes, sha256: hashIn(h) ?? linked.sha256 }
    const location = h.get('location')
    if (status >= 300 && status < 400 && location !== null) {
      await response.body?.cancel()
      at = next(at, location)
      continue
    }
    if (status !== 200 && status !== 206 && status !== 416) {
      await response.body?.cancel()
      throw wrongStatus(at, status, h.get('retry-after'))
    }
    const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+)$/.exec(h.get('content-range') ?? '')
    const whole = status === 200 ? natural(h.get('content-length')) : natural(range?.[2])
    if (status === 416) await response.body?.cancel()
    if (status === 206 && range?.[1] === undefined) {
      await response.body?.cancel()
      throw new Refused(`${at.origin} sends a part of ${at.pathname} without saying which`)
    }
    if (whole !== undefined && linked.bytes !== undefined && whole !== linked.bytes) {
      await response.body?.cancel()
      throw new Interrupted(`the server announces ${linked.bytes} bytes and then sends ${whole}`)
    }
    return {
      status,
      from: Number(range?.[1] ?? 0),
      stated: { bytes: whole ?? linked.bytes, sha256: linked.sha256, version: versionIn(h) },
      body: (response.body ?? []) as AsyncIterable<Uint8Array>,
    }
  }
  throw new Refused(`${url} leads in a circle of redirects`)
}

async function exchange(at: URL, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch(at, { headers, redirect: 'manual', signal })
  } catch (error) {
    throw outage(error, at.host)
  }
}

/** A failed fetch or a body that broke off, in the words of the system below it. */
export function outage(error: unknown, host: string): Interrupted | Refused {
  if (error instanceof Interrupted || error instanceof Refused) return error
  const { message, cause } = error as Error & { cause?: Error & { code?: string } }
  const code = cause?.code ?? ''
  const words = cause?.message || code || message
  if (/CERT|SELF_SIGNED|ALTNAME/.test(code)) return new Refused(`${host} cannot be trusted: ${words}`)
  const unreachable = /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/
  return unreachable.test(code)
    ? new Interrupted(`${host} cannot be reached (${words})`, { unreachable: true, cause: error })
    : new Interrupted(`the connection to ${host} broke (${words})`, { cause: error })
}

/** Never from https to http, where anybody on the way could put other bytes in. */
function next(at: URL, location: string): URL {
  if (!URL.canParse(location, at.href))
    throw new Refused(`${at.origin} leads to “${location.slice(0, 100)}”, which is no address`)
  const to = new URL(location, at)
  if (to.protocol !== 'https:' && to.protocol !== at.protocol)
    throw new Refused(`${at.origin} leads to ${to.protocol}//${to.host}, which is not followed`)
  return to
}

function wrongStatus(at: URL, status: number, retryAfter: string | null): Interrupted | Refused {
  const words = `${at.host} answers ${status} for ${at.pathname}`
  if (!AGAIN.has(status)) return new Refused(words)
  const afterMs = waitIn(retryAfter)
  return new Interrupted(words, afterMs === undefined ? {} : { afterMs })
}

/** Retry-After is seconds or a date (RFC 9110 §10.2.3). */
function waitIn(text: string | null): number | undefined {
  if (text === null) return undefined
  const ms = /^\d+$/.test(text.trim()) ? 1_000 * Number(text) : Date.parse(text) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}

function natural(text: string | null | undefined): number | undefined {
  return text !== null && text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}

/** X-Linked-Etag is the sha256 of a file in large storage; Repr-Digest is RFC 9530's. A plain ETag may look like a hash and be of anything. */
function hashIn(h: Headers): string | undefined {
  const linked = /^"?([0-9a-f]{64})"?$/.exec(h.get('x-linked-etag') ?? '')?.[1]
  const digest = /\bsha-256=:([A-Za-z0-9+/]{43}=):/.exec(h.get('repr-digest') ?? '')?.[1]
  return linked ?? (digest === undefined ? undefined : Buffer.from(digest, 'base64').toString('hex'))
}

function versionIn(h: Headers): string | undefined {
  const etag = h.get('etag')
  return etag !== null && !etag.startsWith('W/') ? etag : (h.get('last-modified') ?? undefined)
}
