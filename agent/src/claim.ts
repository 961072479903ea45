// Claim: one agent's lease on one experiment. Beaten every 15 s; without a beat for 60 s the hub hands it to another.
import type { Msg } from '@nats-io/nats-core'
import type { Bus } from '@swarm/shared/bus'
import { Experiment } from '@swarm/shared/experiment'
import { consumer, LEASE_BEAT_MS, LEASE_MS } from '@swarm/shared/subjects'
import type { Claim, Lease } from './lease.ts'

const LEASE: Lease = { beatMs: LEASE_BEAT_MS, leaseMs: LEASE_MS }

/** What waits for this agent: its own line first, then what cannot wait, then screens of the kind it can write. Undefined when nothing does. */
export async function claimNext(
  bus: Bus,
  agent: string,
  { reads = false, lease = LEASE }: { reads?: boolean; lease?: Lease | undefined } = {},
): Promise<Claim | undefined> {
  for (const line of [consumer.workFor(agent), consumer.workFirst, reads ? consumer.workRead : consumer.workAny]) {
    for (;;) {
      const message = await pull(bus, line)
      if (message === undefined) break
      const claim = await open(bus, message, lease)
      if (claim !== undefined) return claim
    }
  }
  return undefined
}

async function pull(bus: Bus, line: string): Promise<Msg | undefined> {
  // An own inbox: work arrives under its own subject, by which a shared one could not tell whose it is.
  const m = await bus.nc.request(
    `$JS.API.CONSUMER.MSG.NEXT.WORK.${line}`,
    JSON.stringify({ batch: 1, no_wait: true }),
    { timeout: 5_000, noMux: true },
  )
  // A status instead of a message: 404 nothing there, 408 and 409 ask again later.
  return m.headers?.code || m.reply === undefined || m.reply === '' ? undefined : m
}

async function open(bus: Bus, message: Msg, lease: Lease): Promise<Claim | undefined> {
  const ack = message.reply as string
  let experiment: Experiment
  try {
    experiment = Experiment.parse(message.json())
  } catch (error) {
    bus.log(
      `${message.subject}: not an experiment this version knows, taken off the queue: ${(error as Error).message.slice(0, 200)}`,
    )
    bus.nc.publish(ack, '+TERM not an experiment')
    return undefined
  }
  const fence = deliveries(ack)
  if (fence > 1 && (await isRecorded(bus, experiment.id))) {
    bus.log(`${experiment.id} has its result already, taken off the queue`)
    bus.nc.publish(ack, '+ACK')
    return undefined
  }
  return hold(bus, experiment, fence, ack, lease)
}

/** $JS.ACK.<stream>.<consumer>.<deliveries>.… ; newer servers put domain and account hash before the stream. */
export function deliveries(ack: string): number {
  const tokens = ack.split('.')
  return Math.max(1, Number(tokens.length === 9 ? tokens[4] : tokens[6]) || 1)
}

/** Was it done before, by someone who could not say so to the queue? Unsure counts as no: a second result is never counted. */
async function isRecorded(bus: Bus, experiment: string): Promise<boolean> {
  try {
    return (
      (await (
        await bus.manager()
      ).streams.getMessage('LEDGER', { last_by_subj: `ledger.experiment-recorded.${experiment}` })) !== null
    )
  } catch {
    return false
  }
}

function hold(bus: Bus, experiment: Experiment, fence: number, ack: string, lease: Lease): Claim {
  const lost = new AbortController()
  let heard = performance.now()
  const beat = async (): Promise<void> => {
    const asked = performance.now()
    try {
      await bus.nc.request(ack, '+WPI', { timeout: Math.min(5_000, lease.beatMs) })
      heard = Math.max(heard, asked)
    } catch {
      /* the hub is away; the next beat may get through */
    }
    if (performance.now() - heard > lease.leaseMs && !lost.signal.aborted) {
      bus.log(
        `${experiment.id}: the lease was lost, no beat got through for ${Math.round((performance.now() - heard) / 1000)} s`,
      )
      lost.abort()
    }
  }
  const timer = setInterval(() => void beat(), lease.beatMs)
  return {
    experiment,
    fence,
    ack,
    lost: lost.signal,
    since: performance.now(),
    end: () => clearInterval(timer),
    release: (delayMs) => {
      clearInterval(timer)
      if (!bus.nc.isClosed())
        bus.nc.publish(ack, delayMs > 0 ? `-NAK ${JSON.stringify({ delay: delayMs * 1_000_000 })}` : '-NAK')
    },
  }
}
