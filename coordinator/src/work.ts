// WORK: which line an experiment waits in, and that everything planned either waits, runs, or has its result.
import { JetStreamApiError } from '@nats-io/jetstream'
import type { Bus } from '@swarm/shared/bus'
import { isSentence } from '@swarm/shared/hypothesis'
import { consumer, subject } from '@swarm/shared/subjects'
import type { Board, ExperimentRecord } from './board/schema.ts'
import { isWithdrawn } from './board/steering.ts'
import { ensureConsumer, workConsumer } from './streams.ts'

const WRONG_LAST_SEQUENCE = 10071

/**
 * Its own agent's line while that agent is here; a sentence waits for one who reads; else what cannot wait, what people asked for and
 * what a result suggests before other screens.
 */
export function lineOf(e: ExperimentRecord, live: readonly string[]): string {
  const { id, kind, hypothesis } = e.experiment
  if (e.agent !== undefined && live.includes(e.agent)) return subject.workFor(e.agent, id)
  if (kind === 'screen' && hypothesis !== undefined && isSentence(hypothesis)) return subject.workRead(id)
  return kind !== 'screen' || hypothesis?.origin === 'human' || hypothesis?.origin === 'follow-up'
    ? subject.workFirst(id)
    : subject.workAny(id)
}

/** An agent's own line to wait in. */
export async function openLine(bus: Bus, agent: string): Promise<void> {
  await ensureConsumer(await bus.manager(), 'WORK', workConsumer(consumer.workFor(agent), `work.for.${agent}.>`))
}

/** Lines by experiment: every message in WORK, waiting or claimed. */
export async function waitingIn(bus: Bus): Promise<Map<string, string[]>> {
  const { state } = await (await bus.manager()).streams.info('WORK', { subjects_filter: 'work.>' })
  const waiting = new Map<string, string[]>()
  for (const line of Object.keys(state.subjects ?? {})) {
    const id = line.split('.').at(-1) as string
    waiting.set(id, [...(waiting.get(id) ?? []), line])
  }
  return waiting
}

/** Puts an experiment into a line. Where it waits there already, nothing changes. */
export async function putIn(bus: Bus, line: string, e: ExperimentRecord): Promise<void> {
  try {
    await bus.js.publish(line, JSON.stringify(e.experiment), { expect: { lastSubjectSequence: 0 } })
  } catch (error) {
    if (!(error instanceof JetStreamApiError && error.code === WRONG_LAST_SEQUENCE)) throw error
  }
}

/** Experiments with a result handed in that is not dealt with yet. */
async function handedIn(bus: Bus): Promise<Set<string>> {
  const jsm = await bus.manager()
  const { ack_floor } = await jsm.consumers.info('RES', consumer.results)
  const { state } = await jsm.streams.info('RES')
  const found = new Set<string>()
  for (let seq = Math.max(ack_floor.stream_seq + 1, state.first_seq); seq <= state.last_seq; seq++) {
    const m = await jsm.streams.getMessage('RES', { seq })
    if (m !== null) found.add(m.subject.split('.').at(-1) as string)
  }
  return found
}

/**
 * Puts into its line, in the order of the plans, what is planned, has no result, waits nowhere and was handed in by nobody: a
 * coordinator was killed before it could, or a claim was used up by a result that counted for nothing. The lines are looked at first:
 * an agent hands its result in before it takes its work out.
 */
export async function putBackLost(bus: Bus, board: Board, track: string, live: readonly string[]): Promise<string[]> {
  const waiting = await waitingIn(bus)
  const missing = [...board.experiments.values()].filter(
    (e) =>
      e.experiment.track === track && e.result === undefined && !waiting.has(e.experiment.id) && !isWithdrawn(board, e),
  )
  if (missing.length === 0) return []
  const known = await handedIn(bus)
  const lost = missing.filter((e) => !known.has(e.experiment.id))
  for (const e of lost) await putIn(bus, lineOf(e, live), e)
  return lost.map((e) => e.experiment.id)
}

/**
 * Empties the lines of agents who are not there (`live`) into those where others look, but for what somebody has in hand; drops what
 * belongs to another track or was withdrawn. First in, then out: a crash between the two means a second run, whose result is refused,
 * and never a lost experiment.
 */
export async function moveLines(
  bus: Bus,
  board: Board,
  track: string,
  live: readonly string[],
  inHand: ReadonlySet<string> = new Set(),
): Promise<void> {
  for (const [id, lines] of await waitingIn(bus)) {
    const e = board.experiments.get(id)
    for (const line of lines) {
      const unwanted = e === undefined || e.experiment.track !== track || isWithdrawn(board, e)
      const homeless =
        line.startsWith('work.for.') && !live.some((agent) => line.startsWith(`work.for.${agent}.`)) && !inHand.has(id)
      if (!unwanted && homeless && e.result === undefined) await putIn(bus, lineOf(e, live), e)
      if (unwanted || homeless) await takeOut(bus, line)
    }
  }
}

async function takeOut(bus: Bus, line: string): Promise<void> {
  const jsm = await bus.manager()
  const there = await jsm.streams.getMessage('WORK', { last_by_subj: line })
  if (there !== null) await jsm.streams.deleteMessage('WORK', there.seq)
}
