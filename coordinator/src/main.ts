// The coordinator process: holds the home, catches up with the ledger, answers agents, decides on every result. Killed at any
// instruction it starts again from the ledger. stdout carries JSON lines: `ready`, and a `note` for people; the log is in <home>/logs/coordinator.log.
// Exit codes: 0 the run reached its goal, or was told to stop · 5 it came to a cap · 6 it cannot go on until a person has changed something, and starting
// it again would not help · 1 any other failure.
import { mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import pino from 'pino'
import { type Bus, openBus } from '@swarm/shared/bus'
import { KeyMissing, redact } from '@swarm/shared/model/keys'
import { ModelUnknown, openModel } from '@swarm/shared/model/open'
import type { Program } from '@swarm/shared/program'
import { ProgramInvalid } from '@swarm/shared/settings'
import { dataObject } from '@swarm/shared/subjects'
import { answerAll } from './answers.ts'
import { checkBoard } from './board/check.ts'
import { LedgerBroken, programOf } from './board/fold.ts'
import { isPaused } from './board/steering.ts'
import { BoardUnusable, openStore } from './board/store.ts'
import { currentBest } from './board/value.ts'
import { Brief } from './brief.ts'
import { Coordinator, type Finished } from './coordinator.ts'
import { Director } from './director/director.ts'
import { Proposers } from './director/proposers.ts'
import { adoption, type Ground, GroundMissing, HIDDEN, readGround } from './ground.ts'
import { CheckoutUnusable, ensureHub } from './hub.ts'
import { takeResults } from './intake.ts'
import { Ledger } from './ledger.ts'
import { lostCalls } from './purse/lost.ts'
import { PricesInvalid, readPrices } from './purse/prices.ts'
import { Purse } from './purse/purse.ts'
import { CAP_FLAGS, capWords } from './purse/spending.ts'
import { holdHome } from './lock.ts'
import { mendHub, putBundle, shipped } from './promotion.ts'
import { Roster } from './roster.ts'
import { endedBefore, isFirst, openRun, rememberEnd, RunFailed, stopRun } from './runs.ts'
import { ensureStreams, StreamsUnusable } from './streams.ts'
import { told } from './told.ts'
import { putBackLost } from './work.ts'

const SILENCE_LOOK_MS = 5_000
const GOODBYE_MS = 2_000
/** How often it is checked that everything planned waits, runs or was handed in. */
const COUNT_MS = 60_000
/** A look this late means that this process was asleep: the silence was its own. */
const SLEPT_MS = 3 * SILENCE_LOOK_MS
const CANNOT_GO_ON = 6
const SPENT = 5

async function main(): Promise<number> {
  const given = told()
  const { home, url, wish } = given
  const prices = readPrices(given.prices)
  mkdirSync(path.join(home, 'logs'), { recursive: true })
  const logger = pino(pino.destination({ dest: path.join(home, 'logs', 'coordinator.log'), sync: true }))
  const log = (line: string, about: object = {}): void => logger.info(about, redact(line))

  const lock = await holdHome(home)
  const bus = await openBus({ url, name: 'coordinator', log, patient: true })
  await ensureStreams(bus)
  const broken = await checkBoard(home)
  if (broken !== undefined)
    log(`the board was damaged (${broken.why}) and is made again from the ledger; the old one is in ${broken.movedTo}`)
  const store = await openStore(home)
  const ledger = new Ledger(bus, store, log)
  await ledger.catchUp()
  const over = endedBefore(home)
  if (over !== undefined) {
    log(`the run has ended already: ${over.reason}`)
    await stopRun(ledger, over.reason)
    bus.control('all', { do: 'stop', reason: over.reason })
    await bus.nc.flush()
    return exitCodeOf(over)
  }

  const tell = (line: string): void => {
    log(line)
    process.stdout.write(`${JSON.stringify({ note: line })}\n`)
  }
  const brief = new Brief(given.program, given.budget, given.scale)
  const ground = readGround({
    program: programFor(brief, isFirst(home) ? undefined : programOf(ledger.board)?.program, tell),
    data: given.data,
    checkout: given.checkout,
    ...(given.budget === undefined ? {} : { budget: given.budget }),
    ...(given.gpu === undefined ? {} : { gpu: given.gpu }),
  })
  const hub = await ensureHub(home, given.checkout)
  const adopted = adoption(ledger.board, ground)
  if (adopted !== undefined) await ledger.write(adopted)
  if (ledger.board.bests.size === 0) await ledger.write(await shipped(hub, ground.program.editable))
  await mendHub(hub, ledger.board)
  await openRun(ledger, wish, given.minutes)

  const roster = new Roster(() => ledger.board)
  bus.onHeartbeat((beat) => roster.see(beat))
  const c = new Coordinator(bus, ledger, hub, roster, wish.agents, given.readers, log)
  c.hidden = ground.dataFiles.some(({ name }) => name === HIDDEN)
  if (!c.hidden)
    tell(
      'this data set has no second held-out text: a result that is too good cannot be checked, and is suspected; "swarm prepare --force" makes one',
    )
  c.changed = (inForce) => brief.look(inForce)
  c.tell = tell
  const purse = new Purse(c, prices)
  const director =
    given.director === undefined
      ? undefined
      : new Director(c, await openModel({ researcher: given.director, purse, baseUrl: given.baseUrl, log }), home)
  const proposers = director === undefined ? new Proposers(c, purse) : undefined
  c.thinking = () => (director ?? proposers)?.more === true
  await putBundle(bus, hub, currentBest(ledger.board)?.best.commit as string)

  // As the coordinator before would have gone on: what it had planned, then what it had recorded, then what was handed in since.
  await c.turn(async () => {
    // Its process is gone, whatever it asked a model.
    await purse.lose('director')
    await lookForLost(c, roster)
    await c.settle(true)
  })
  await takeResults(bus, c, fail)
  await c.turn(async () => {
    await c.tidyLines()
    await c.settle(true)
  })
  answerAll(c, ground, purse, proposers)
  const ending = new AbortController()
  const directing = director?.work(ending.signal).catch(fail)
  const heard = listenToSignals()
  process.stdout.write(`${JSON.stringify({ ready: true, run: c.run.run, seq: ledger.board.seq, pid: process.pid })}\n`)
  log('ready', { run: c.run.run, seq: ledger.board.seq })
  // Only agents without the data set need it: nobody else waits for it.
  void putDataFiles(bus, ground).catch((error: unknown) =>
    log(`the data set could not be put into the object store: ${(error as Error).message}`),
  )

  const end = await theEnd({ c, roster, brief, heard, minutes: given.minutes })
  if (end.reached) rememberEnd(home, end)
  ending.abort()
  await Promise.race([directing, new Promise((resolve) => setTimeout(resolve, GOODBYE_MS))])
  await lastCalls(c, end.reason)
  const goodbye = c.turn(async () => {
    await purse.lose()
    await stopRun(ledger, end.reason)
    bus.control('all', { do: 'stop', reason: end.reason })
    await bus.nc.flush()
  })
  // A hub that is gone cannot be told; the run is then found cut off, which is what it is.
  await Promise.race([goodbye, new Promise((resolve) => setTimeout(resolve, GOODBYE_MS))]).catch((error: unknown) =>
    log(`no goodbye: ${(error as Error).message}`),
  )
  log(`stopped: ${end.reason}`)
  c.closing = true
  await bus.close()
  await store.close()
  lock.close()
  return exitCodeOf(end)
}

function exitCodeOf({ failed, cap, reason }: Finished): number {
  if (failed) throw new RunFailed(reason)
  return cap === undefined ? 0 : SPENT
}

/** A coordinator that is started again stands where its forerunner stood, whatever has become of the file meanwhile. */
function programFor(brief: Brief, inForce: Program | undefined, tell: (line: string) => void): Program {
  if (inForce === undefined) return brief.read()
  const change = brief.look(inForce)
  if (change !== undefined && 'refused' in change) tell(change.refused)
  return change !== undefined && 'adopt' in change ? change.adopt : inForce
}

/** Callers that are told to stop settle what they have in flight; what they do not in time is lost. Only asked where there is any. */
async function lastCalls(c: Coordinator, reason: string): Promise<void> {
  const inFlight = (): boolean => lostCalls(c.board).length > 0
  if (!inFlight()) return
  c.bus.control('all', { do: 'stop', reason })
  const deadline = Date.now() + GOODBYE_MS
  while (inFlight() && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50))
}

/** An agent on another machine gets its data set from the object store. */
async function putDataFiles(bus: Bus, ground: Ground): Promise<void> {
  for (const { name, sha256 } of ground.dataFiles) {
    if (!(await bus.hasObject(dataObject(sha256))))
      await bus.putObject(dataObject(sha256), readFileSync(path.join(ground.dataDir, name)))
  }
}

async function lookForLost(c: Coordinator, roster: Roster): Promise<void> {
  const here = roster.present().flatMap(({ agent }) => (isPaused(c.board, agent) ? [] : agent))
  const lost = await putBackLost(c.bus, c.board, c.program.track, here)
  if (lost.length > 0) c.log(`put back into the queue: ${lost.join(', ')}`)
}

/** From here on a signal is a wish to stop; `why` is set when there was one. */
function listenToSignals(): { why?: string } {
  const told: { why?: string } = {}
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(signal, () => {
      told.why = 'stopped by a person'
    })
  return told
}

/** Waits for the goal, the clock, or a signal. Looks after silent agents meanwhile. */
async function theEnd({
  c,
  roster,
  brief,
  heard,
  minutes = Infinity,
}: {
  c: Coordinator
  roster: Roster
  brief: Brief
  heard: { why?: string }
  minutes: number | undefined
}): Promise<Finished & { reached: boolean }> {
  const parent = process.ppid
  const deadline = Date.parse(c.run.at) + minutes * 60_000
  const wall = c.run.caps?.wallSeconds ?? Infinity
  let draining = false
  let looked = Date.now()
  let counted = Date.now()
  for (;;) {
    if (c.finished !== undefined) return { ...c.finished, reached: true }
    if (heard.why !== undefined || process.ppid !== parent)
      return { reason: heard.why ?? 'its supervisor is gone', failed: false, reached: false }
    if (Date.now() > deadline) return { reason: `${minutes} minutes are over`, failed: false, reached: true }
    if (Date.now() > Date.parse(c.run.at) + wall * 1_000 && c.run.reached === undefined)
      await c.turn(() =>
        c.reach('wallSeconds', `the cap of ${capWords('wallSeconds', wall)} (${CAP_FLAGS.wallSeconds}) is reached`),
      )
    if (c.run.reached !== undefined && !draining) {
      draining = true
      // The supervisor brings back agents that end well, unless it knows that they were meant to.
      process.stdout.write(`${JSON.stringify({ draining: c.run.reached.cap })}\n`)
      c.bus.control('all', { do: 'drain', reason: c.run.reached.why })
    }
    if (Date.now() - looked > SILENCE_LOOK_MS) {
      if (Date.now() - looked > SLEPT_MS) roster.forgive()
      looked = Date.now()
      for (const { agent, session } of roster.silent()) await c.turn(() => c.left(agent, session, 'no pulse for 45 s'))
      // What a pausing agent gave back to its own line goes to the others.
      if (roster.names().length > c.takers.length) await c.turn(() => c.tidyLines())
    }
    if (brief.isNew()) await c.turn(() => c.settle(false))
    if (Date.now() - counted > COUNT_MS) {
      counted = Date.now()
      await c.turn(() => lookForLost(c, roster))
    }
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

/** What another start meets again. */
const HOPELESS = [
  RunFailed,
  GroundMissing,
  ProgramInvalid,
  CheckoutUnusable,
  StreamsUnusable,
  LedgerBroken,
  BoardUnusable,
  PricesInvalid,
  KeyMissing,
  ModelUnknown,
]

function fail(error: unknown): never {
  process.stderr.write(`coordinator: ${(error as Error).message}\n`)
  if (process.env.SWARM_DEBUG !== undefined) process.stderr.write(`${(error as Error).stack ?? ''}\n`)
  process.exit(HOPELESS.some((kind) => error instanceof kind) ? CANNOT_GO_ON : 1)
}

main().then((code) => process.exit(code), fail)
