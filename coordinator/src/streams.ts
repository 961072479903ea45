// The streams of a swarm: made as docs/decisions/0003 says, and compared with what the server says it made. An older server drops
// what it does not know without a word, and a ledger that forgets its limits would count twice.
import {
  AckPolicy,
  type ConsumerConfig,
  DeliverPolicy,
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from '@nats-io/jetstream'
import { Objm } from '@nats-io/obj'
import type { Bus } from '@swarm/shared/bus'
import { BUCKET, consumer, LEASE_MS, STREAMS } from '@swarm/shared/subjects'

/** The server cannot keep what a swarm needs kept, or keeps it with other settings. */
export class StreamsUnusable extends Error {
  override name = 'StreamsUnusable'
}

const ns = (ms: number): number => ms * 1_000_000
const DAY = 24 * 3_600_000
const MB = 1024 * 1024

type Wanted = Partial<StreamConfig> & { name: string; subjects: string[] }
const WANTED: Wanted[] = [
  {
    name: 'LEDGER',
    subjects: [...STREAMS.LEDGER.subjects],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    discard_new_per_subject: true,
    max_msgs_per_subject: 1,
    deny_delete: true,
    deny_purge: true,
    max_msg_size: MB,
  },
  {
    // One message an experiment and line; publishing it again while it waits is refused, not doubled.
    name: 'WORK',
    subjects: [...STREAMS.WORK.subjects],
    retention: RetentionPolicy.Workqueue,
    storage: StorageType.File,
    discard: DiscardPolicy.New,
    discard_new_per_subject: true,
    max_msgs_per_subject: 1,
    max_msgs: 10_000,
    max_msg_size: MB,
  },
  {
    name: 'RES',
    subjects: [...STREAMS.RES.subjects],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    discard: DiscardPolicy.Old,
    deny_delete: true,
    deny_purge: true,
    max_age: ns(90 * DAY),
    max_bytes: 512 * MB,
    max_msg_size: MB,
    duplicate_window: ns(3_600_000),
  },
]

const LEASE: Partial<ConsumerConfig> = {
  ack_policy: AckPolicy.Explicit,
  deliver_policy: DeliverPolicy.All,
  ack_wait: ns(LEASE_MS),
  max_ack_pending: 1_000,
}
export const workConsumer = (name: string, filter: string): Partial<ConsumerConfig> => ({
  ...LEASE,
  durable_name: name,
  filter_subject: filter,
})
/** A result in hand: how long a coordinator may be silent about it. */
export const RESULT_LEASE_MS = 2_000
const RESULTS: Partial<ConsumerConfig> = {
  durable_name: consumer.results,
  ack_policy: AckPolicy.Explicit,
  deliver_policy: DeliverPolicy.All,
  // Short: what a killed coordinator had in hand comes back soon. Taken twice, it is refused as taken.
  ack_wait: ns(RESULT_LEASE_MS),
  max_ack_pending: 1,
}

export async function ensureStreams(bus: Bus): Promise<void> {
  const jsm = await bus.manager()
  for (const wanted of WANTED) {
    const name = `stream ${wanted.name}`
    const there = (await found(() => jsm.streams.info(wanted.name)))?.config
    const { config } =
      there === undefined
        ? await made(name, () => jsm.streams.add(wanted))
        : difference(wanted, there) === undefined
          ? { config: there }
          : await made(name, () => jsm.streams.update(wanted.name, wanted))
    demand(name, wanted, config)
  }
  await ensureConsumer(jsm, 'WORK', workConsumer(consumer.workFirst, 'work.first.>'))
  await ensureConsumer(jsm, 'WORK', workConsumer(consumer.workRead, 'work.read.>'))
  await ensureConsumer(jsm, 'WORK', workConsumer(consumer.workAny, 'work.any.>'))
  await ensureConsumer(jsm, 'RES', RESULTS)
  await made(`bucket ${BUCKET}`, () => new Objm(bus.nc).create(BUCKET, { storage: StorageType.File }))
}

export async function ensureConsumer(
  jsm: JetStreamManager,
  stream: string,
  wanted: Partial<ConsumerConfig>,
): Promise<void> {
  const name = wanted.durable_name as string
  const there = (await found(() => jsm.consumers.info(stream, name)))?.config
  const { config } =
    there === undefined
      ? await made(`consumer ${name}`, () => jsm.consumers.add(stream, wanted))
      : difference(wanted, there) === undefined
        ? { config: there }
        : await made(`consumer ${name}`, () => jsm.consumers.update(stream, name, wanted))
  demand(`consumer ${name}`, wanted, config)
}

async function found<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (error instanceof JetStreamApiError && error.status === 404) return undefined
    throw error
  }
}

async function made<T>(what: string, make: () => Promise<T>): Promise<T> {
  try {
    return await make()
  } catch (cause) {
    // No answer at all is an outage, and says nothing about the server's kind.
    if (!(cause instanceof JetStreamApiError)) throw cause
    throw new StreamsUnusable(
      `the nats-server did not make ${what}: ${(cause as Error).message}. It needs JetStream with file storage and 2.10 or later: swarm doctor`,
      { cause },
    )
  }
}

/** The first setting that is not as asked, in words. */
function difference(wanted: object, got: object): string | undefined {
  for (const [key, value] of Object.entries(wanted)) {
    const is = (got as Record<string, unknown>)[key]
    if (JSON.stringify(is) !== JSON.stringify(value))
      return `${key} ${JSON.stringify(is)} where ${JSON.stringify(value)} is needed`
  }
  return undefined
}

function demand(what: string, wanted: object, got: object): void {
  const off = difference(wanted, got)
  if (off !== undefined)
    throw new StreamsUnusable(
      `${what} has ${off}. The server is too old or another program made it: see swarm doctor, or use another home`,
    )
}
