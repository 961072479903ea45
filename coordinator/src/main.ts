// The coordinator process: holds the home, catches up with the ledger, answers agents, decides on every result. Killed at any
// instruction it starts again from the ledger. stdout carries one JSON line, `ready`; the log is in <home>/logs/coordinator.log.
// Exit codes: 0 the run reached its goal, or was told to stop · 6 it cannot go on until a person has changed something, and starting
// it again would not help · 1 any other failure.
import { mkdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import pino from 'pino'
import { type Bus, openBus } from '@swarm/shared/bus'
import { ProgramInvalid } from '@swarm/shared/settings'
import { dataObject } from '@swarm/shared/subjects'
import { answerAll } from './answers.ts'
import { checkBoard } from './board/check.ts'
import { LedgerBroken } from './board/fold.ts'
import { BoardUnusable, openStore } from './board/store.ts'
import { currentBest } from './board/value.ts'
import { Coordinator, type Finished } from './coordinator.ts'
import { adoption, type Ground, GroundMissing, readGround } from './ground.ts'
import { CheckoutUnusable, ensureHub } from './hub.ts'
import { takeResults } from './intake.ts'
import { Ledger } from './ledger.ts'
import { holdHome } from './lock.ts'
import { mendHub, putBundle, shipped } from './promotion.ts'
import { Roster } from './roster.ts'
import { endedBefore, openRun, rememberEnd, RunFailed, type RunWish, stopRun } from './runs.ts'
import { ensureStreams, StreamsUnusable } from './streams.ts'
import { moveLines, putBackLost } from './work.ts'

const SILENCE_LOOK_MS = 5_000
const GOODBYE_MS = 2_000
/** How often it is checked that everything planned waits, runs or was handed in. */
const COUNT_MS = 60_000
/** A look this late means that this process was asleep: the silence was its own. */
const SLEPT_MS = 3 * SILENCE_LOOK_MS
const CANNOT_GO_ON = 6

const text = { type: 'string' } as const
const { values: given } = parseArgs({
  options: {
    home: text,
    url: text,
    program: text,
    data: text,
    checkout: text,
    seed: text,
    agents: text,
    experiments: text,
    minutes: text,
    budget: text,
  },
})

function needed(name: 'home' | 'program' | 'data' | 'checkout'): string {
  const value = given[name]
  if (value === undefined) throw new Error(`--${name} is missing; the coordinator is started by: swarm up`)
  return path.resolve(value)
}

async function main(): Promise<void> {
  const home = needed('home')
  const url = given.url ?? process.env.SWARM_URL
  if (url === undefined) throw new Error('--url is missing; the coordinator is started by: swarm up')
  mkdirSync(path.join(home, 'logs'), { recursive: true })
  const logger = pino(pino.destination({ dest: path.join(home, 'logs', 'coordinator.log'), sync: true }))
  const log = (line: string, about: object = {}): void => logger.info(about, line)

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
    if (over.failed) throw new RunFailed(over.reason)
    return
  }

  const ground = readGround({
    program: needed('program'),
    data: needed('data'),
    checkout: needed('checkout'),
    ...(given.budget === undefined ? {} : { budget: given.budget }),
  })
  const hub = await ensureHub(home, needed('checkout'))
  const adopted = adoption(ledger.board, ground)
  if (adopted !== undefined) await ledger.write(adopted)
  if (ledger.board.bests.size === 0) await ledger.write(await shipped(hub, ground.program.editable))
  await mendHub(hub, ledger.board)
  const wish: RunWish = {
    seed: Number(given.seed ?? 1),
    agents: Number(given.agents ?? 0),
    ...(given.experiments === undefined ? {} : { experiments: Number(given.experiments) }),
  }
  await openRun(ledger, wish, given.minutes === undefined ? undefined : Number(given.minutes))

  const roster = new Roster(() => ledger.board)
  bus.onHeartbeat((beat) => roster.see(beat))
  const c = new Coordinator(bus, ledger, hub, roster, wish.agents, log)
  await putBundle(bus, hub, currentBest(ledger.board)?.best.commit as string)

  // As the coordinator before would have gone on: what it had planned, then what it had recorded, then what was handed in since.
  await c.turn(async () => {
    await lookForLost(c, roster)
    await c.settle(true)
  })
  await takeResults(bus, c, fail)
  await c.turn(async () => {
    await moveLines(bus, ledger.board, ground.track, here(roster))
    await c.settle(true)
  })
  answerAll(c, ground)
  const told = listenToSignals()
  process.stdout.write(`${JSON.stringify({ ready: true, run: c.run.run, seq: ledger.board.seq, pid: process.pid })}\n`)
  log('ready', { run: c.run.run, seq: ledger.board.seq })
  // Only agents without the data set need it: nobody else waits for it.
  void putDataFiles(bus, ground).catch((error: unknown) =>
    log(`the data set could not be put into the object store: ${(error as Error).message}`),
  )

  const end = await theEnd(c, roster, told)
  if (end.reached) rememberEnd(home, end)
  const goodbye = c.turn(async () => {
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
  if (end.failed) throw new RunFailed(end.reason)
}

/** An agent on another machine gets its data set from the object store. */
async function putDataFiles(bus: Bus, ground: Ground): Promise<void> {
  for (const { name, sha256 } of ground.dataFiles) {
    if (!(await bus.hasObject(dataObject(sha256))))
      await bus.putObject(dataObject(sha256), readFileSync(path.join(ground.dataDir, name)))
  }
}

const here = (roster: Roster): string[] => roster.present().map((a) => a.agent)

async function lookForLost(c: Coordinator, roster: Roster): Promise<void> {
  const lost = await putBackLost(c.bus, c.board, c.program.track, here(roster))
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
async function theEnd(
  c: Coordinator,
  roster: Roster,
  told: { why?: string },
): Promise<Finished & { reached: boolean }> {
  const parent = process.ppid
  const deadline = given.minutes === undefined ? Infinity : Date.parse(c.run.at) + Number(given.minutes) * 60_000
  let looked = Date.now()
  let counted = Date.now()
  for (;;) {
    if (c.finished !== undefined) return { ...c.finished, reached: true }
    if (told.why !== undefined || process.ppid !== parent)
      return { reason: told.why ?? 'its supervisor is gone', failed: false, reached: false }
    if (Date.now() > deadline) return { reason: `${given.minutes} minutes are over`, failed: false, reached: true }
    if (Date.now() - looked > SILENCE_LOOK_MS) {
      if (Date.now() - looked > SLEPT_MS) roster.forgive()
      looked = Date.now()
      for (const { agent, session } of roster.silent()) await c.turn(() => c.left(agent, session, 'no pulse for 45 s'))
    }
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
]

function fail(error: unknown): never {
  process.stderr.write(`coordinator: ${(error as Error).message}\n`)
  if (process.env.SWARM_DEBUG !== undefined) process.stderr.write(`${(error as Error).stack ?? ''}\n`)
  process.exit(HOPELESS.some((kind) => error instanceof kind) ? CANNOT_GO_ON : 1)
}

main().then(() => process.exit(0), fail)
