// A server of Parquet shards on loopback that misbehaves as told: cuts connections, is busy, ignores Range, sends other bytes, says nothing.
import { createHash } from 'node:crypto'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Behaviour =
  | 'good'
  /** This many bytes of the body, then the connection is gone. */
  | { cutAfter: number }
  | { status: number; retryAfter?: string }
  | 'ignores range'
  | 'other bytes'
  | { silentAfter: number }
  | 'circle'

export interface Asked {
  name: string
  range: string | undefined
  ifRange: string | undefined
}

export interface ShardServer {
  url: string
  /** Requests for files, in order. */
  asked: Asked[]
  /** What the next requests for a file meet, one after the other; then good ones. */
  meets(name: string, ...behaviours: Behaviour[]): void
  put(name: string, bytes: Buffer): void
  close(): void
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** `linked`: as Hugging Face does it, a redirect to storage that states size and sha256 of the file. */
export async function shardServer(
  files: Record<string, Buffer>,
  options: { linked?: boolean } = {},
): Promise<ShardServer> {
  const held = { ...files }
  const plans = new Map<string, Behaviour[]>()
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    const name = request.url?.split('/').at(-1) ?? ''
    const bytes = held[name]
    const { range } = request.headers
    const ifRange = request.headersDistinct['if-range']?.[0]
    if (options.linked && !request.url?.startsWith('/storage/')) {
      const stated = bytes === undefined ? {} : { 'x-linked-size': bytes.length, 'x-linked-etag': `"${sha256(bytes)}"` }
      response.writeHead(302, { location: `/storage/${name}`, ...stated }).end()
      return
    }
    asked.push({ name, range, ifRange })
    const behaviour = plans.get(name)?.shift() ?? 'good'
    if (bytes === undefined) return void response.writeHead(404).end('no such file')
    if (behaviour === 'circle') return void response.writeHead(302, { location: request.url }).end()
    if (typeof behaviour === 'object' && 'status' in behaviour) {
      const later = behaviour.retryAfter === undefined ? {} : { 'retry-after': behaviour.retryAfter }
      return void response.writeHead(behaviour.status, later).end('busy')
    }
    serve(response, bytes, behaviour, ifRange === undefined || ifRange === etagOf(bytes) ? range : undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/main`,
    asked,
    meets: (name, ...behaviours) => void plans.set(name, behaviours),
    put: (name, bytes) => {
      held[name] = bytes
    },
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

const etagOf = (bytes: Buffer): string => `"${sha256(bytes).slice(0, 20)}"`

function serve(response: ServerResponse, bytes: Buffer, behaviour: Behaviour, range: string | undefined): void {
  const from = behaviour === 'ignores range' ? 0 : Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0)
  if (from >= bytes.length) {
    response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end()
    return
  }
  const part = from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}
  response.writeHead(from > 0 ? 206 : 200, { 'content-length': bytes.length - from, etag: etagOf(bytes), ...part })
  const body = Buffer.from(bytes.subarray(from))
  if (behaviour === 'other bytes') body.fill(0x58, 100, 200)
  if (typeof behaviour !== 'object' || 'status' in behaviour) return void response.end(body)
  if ('silentAfter' in behaviour) return void response.write(body.subarray(0, behaviour.silentAfter))
  // In small pieces, so that what came before the cut is on its way.
  response.write(body.subarray(0, behaviour.cutAfter), () => setTimeout(() => response.destroy(), 50))
}
