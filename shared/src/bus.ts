// The door to NATS: typed questions, facts, heartbeats and objects. A malformed message is dropped and reported, never trusted.
import {
  type ConsumerMessages,
  DeliverPolicy,
  JetStreamApiError,
  type JetStreamClient,
  jetstream,
  type JetStreamManager,
  jetstreamManager,
} from '@nats-io/jetstream'
import {
  ConnectionError,
  hasWsProtocol,
  type NatsConnection,
  RequestError,
  type Subscription,
  TimeoutError,
  wsconnect,
} from '@nats-io/nats-core'
import { Objm, type ObjectStore } from '@nats-io/obj'
import { connect as tcpConnect } from '@nats-io/transport-node'
import {
  ASKS,
  type AskName,
  type AskReply,
  type AskRequest,
  BUCKET,
  CONTROL_ALL,
  Control,
  HEARTBEATS,
  STREAMS,
  subject,
} from './subjects.ts'
import { type Event, Fact, Heartbeat } from './event.ts'

/** The hub cannot be reached, or stopped answering. Never the fault of an idea. */
export class HubUnreachable extends Error {
  override name = 'HubUnreachable'
}

const WRONG_LAST_SEQUENCE = 10071
/** How long one pull asks and how often the server has to show that it is still there, ms. */
export const PULLS = { expires: 10_000, idle_heartbeat: 1_000 } as const
const utf8 = new TextDecoder()

export interface BusOptions {
  /** nats://user:password@host:port, or ws(s)://… */
  url: string
  /** Also the inbox prefix, so that nobody reads another's replies. */
  name: string
  /** Told of dropped messages and lost connections; no line is written by the bus itself. */
  log?: (line: string) => void
  /** false: fail at once when the hub is not there (CLI verbs); true: wait for it, as agents and the coordinator do. */
  patient?: boolean
}

/** Takes user and password out of the URL; NATS wants them apart. */
export function splitUrl(url: string): { server: string; user?: string; pass?: string } {
  const u = new URL(url.includes('://') ? url : `nats://${url}`)
  const auth = u.username ? { user: decodeURIComponent(u.username), pass: decodeURIComponent(u.password) } : {}
  const server = hasWsProtocol({ servers: url }) ? `${u.protocol}//${u.host}${u.pathname}` : u.host
  return { server, ...auth }
}

export async function openBus(options: BusOptions): Promise<Bus> {
  const { server, ...auth } = splitUrl(options.url)
  const settings = {
    servers: server,
    name: options.name,
    inboxPrefix: `_INBOX_${options.name}`,
    ...auth,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 500,
    reconnectJitter: 250,
    waitOnFirstConnect: options.patient ?? false,
    timeout: 5_000,
    pingInterval: 10_000,
    maxPingOut: 2,
  }
  try {
    if (/^wss?:/.test(server)) {
      // Node 20 has no global WebSocket; without it wsconnect hangs for ever.
      const ws = await import('ws')
      globalThis.WebSocket ??= ws.WebSocket as unknown as typeof globalThis.WebSocket
      return new Bus(await wsconnect(settings), options)
    }
    return new Bus(await tcpConnect(settings), options)
  } catch (cause) {
    throw new HubUnreachable(`no swarm answers at ${server}. Is it up? Start one with: swarm up`, { cause })
  }
}

export class Bus {
  readonly js: JetStreamClient
  readonly log: (line: string) => void
  #manager: JetStreamManager | undefined
  #objects: ObjectStore | undefined
  readonly #onReconnect = new Set<() => void>()

  constructor(
    readonly nc: NatsConnection,
    options: BusOptions,
  ) {
    this.js = jetstream(nc, { timeout: 5_000 })
    this.log = options.log ?? (() => {})
    void this.#watch()
  }

  async #watch(): Promise<void> {
    for await (const s of this.nc.status()) {
      if (s.type === 'disconnect' || s.type === 'reconnect') this.log(`hub: ${s.type}`)
      if (s.type === 'reconnect') for (const renew of this.#onReconnect) renew()
      if (s.type === 'error') this.log(`hub: ${s.error.message}`)
    }
  }

  /** JetStream's own management; made on first use, since a first connection may still be under way. */
  async manager(): Promise<JetStreamManager> {
    this.#manager ??= await jetstreamManager(this.nc, { timeout: 5_000, checkAPI: false })
    return this.#manager
  }

  /** Asks the coordinator. Throws HubUnreachable when nobody answers in time. */
  async ask<N extends AskName>(name: N, request: AskRequest<N>, timeout = 10_000): Promise<AskReply<N>> {
    let data: Uint8Array
    try {
      data = (await this.nc.request(subject.ask(name), JSON.stringify(request), { timeout })).data
    } catch (cause) {
      if (cause instanceof RequestError || cause instanceof TimeoutError || cause instanceof ConnectionError)
        throw new HubUnreachable(`the coordinator did not answer "${name}"`, { cause })
      throw cause
    }
    const body: unknown = JSON.parse(utf8.decode(data))
    const failed = body as { failed?: string }
    if (typeof failed.failed === 'string')
      throw new HubUnreachable(`the coordinator could not answer "${name}": ${failed.failed}`)
    return ASKS[name].reply.parse(body) as AskReply<N>
  }

  /** Answers one kind of question, one at a time and in order. */
  answer<N extends AskName>(name: N, reply: (request: AskRequest<N>) => Promise<AskReply<N>>): Subscription {
    const sub = this.nc.subscribe(subject.ask(name))
    void (async () => {
      for await (const m of sub) {
        try {
          const request = ASKS[name].request.parse(m.json()) as AskRequest<N>
          m.respond(JSON.stringify(await reply(request)))
        } catch (error) {
          this.log(`ask.${name}: ${(error as Error).message}`)
          m.respond(JSON.stringify({ failed: (error as Error).message.slice(0, 500) }))
        }
      }
    })()
    return sub
  }

  /** Writes a fact. `already` when its key was taken: then the earlier fact stands and nothing changed. */
  async publishFact(fact: Fact): Promise<{ already: boolean; seq?: number }> {
    try {
      const { seq } = await this.js.publish(subject.ledger(fact), JSON.stringify(Fact.parse(fact)), {
        expect: { lastSubjectSequence: 0 },
      })
      return { already: false, seq }
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE) return { already: true }
      throw error
    }
  }

  /** Facts from `from` (1 is the first) for ever, in order, each once. Survives reconnects. */
  async facts(from = 1): Promise<{ events: AsyncIterable<Event>; stop: () => void }> {
    let next = Math.max(1, from)
    let stopped = false
    const open = async (): Promise<ConsumerMessages> => {
      const start = { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: next }
      return (await this.js.consumers.get('LEDGER', start)).consume(PULLS)
    }
    let messages = await open()
    // A server that was killed has forgotten its ordered consumers; waiting for missed heartbeats would cost half a minute.
    const renew = (): void => messages.stop()
    this.#onReconnect.add(renew)
    const { log, nc } = this
    async function* events(): AsyncGenerator<Event> {
      while (!stopped && !nc.isClosed()) {
        for await (const m of messages) {
          next = m.seq + 1
          const parsed = Fact.safeParse(m.json())
          if (parsed.success) yield { seq: m.seq, fact: parsed.data }
          else log(`ledger ${m.seq}: not a fact this version knows: ${parsed.error.issues[0]?.message ?? ''}`)
        }
        if (stopped || nc.isClosed()) return
        try {
          messages = await open()
        } catch (error) {
          log(`ledger: ${(error as Error).message}`)
          await new Promise((resolve) => setTimeout(resolve, 500))
        }
      }
    }
    const stop = (): void => {
      stopped = true
      this.#onReconnect.delete(renew)
      messages.stop()
    }
    return { events: events(), stop }
  }

  /** Sequence of the last fact, 0 when there is none. */
  async lastSeq(): Promise<number> {
    return (await (await this.manager()).streams.info('LEDGER')).state.last_seq
  }

  beat(heartbeat: Heartbeat): void {
    if (!this.nc.isClosed()) this.nc.publish(subject.heartbeat(heartbeat.agent), JSON.stringify(heartbeat))
  }

  onHeartbeat(see: (heartbeat: Heartbeat) => void): Subscription {
    return this.#listen(HEARTBEATS, Heartbeat, see)
  }

  control(agent: string | 'all', control: Control): void {
    this.nc.publish(agent === 'all' ? CONTROL_ALL : subject.control(agent), JSON.stringify(control))
  }

  onControl(agent: string, obey: (control: Control) => void): Subscription[] {
    return [this.#listen(CONTROL_ALL, Control, obey), this.#listen(subject.control(agent), Control, obey)]
  }

  #listen<T>(
    on: string,
    schema: { safeParse(v: unknown): { success: true; data: T } | { success: false; error: Error } },
    see: (value: T) => void,
  ): Subscription {
    return this.nc.subscribe(on, {
      callback: (error, m) => {
        if (error) return this.log(`${on}: ${error.message}`)
        let body: unknown
        try {
          body = m.json()
        } catch {
          return this.log(`${m.subject}: not JSON`)
        }
        const parsed = schema.safeParse(body)
        if (parsed.success) see(parsed.data)
        else this.log(`${m.subject}: malformed message dropped`)
      },
    })
  }

  /** The object store for bundles and data files. */
  async objects(): Promise<ObjectStore> {
    this.#objects ??= await new Objm(this.nc).open(BUCKET)
    return this.#objects
  }

  async hasObject(name: string): Promise<boolean> {
    const info = await (await this.objects()).info(name)
    return info !== null && !info.deleted
  }

  async putObject(name: string, bytes: Uint8Array): Promise<void> {
    await (await this.objects()).putBlob({ name }, bytes)
  }

  /** The object's bytes, checked against the digest they were stored with; undefined when there is none. */
  async getObject(name: string): Promise<Uint8Array | undefined> {
    return (await (await this.objects()).getBlob(name)) ?? undefined
  }

  async close(): Promise<void> {
    if (!this.nc.isClosed()) await this.nc.close()
  }
}

export { STREAMS }
