// The agent process: joins a swarm, loops, leaves cleanly. stdout carries JSON lines only; what a person may want to read is in
// <home>/logs/<agent>.log. Exit codes: 0 left · 1 failure · 2 usage · 4 no hub answered · 7 the GPU of its
// lane is sick.
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Bus, HubUnreachable, openBus } from '@swarm/shared/bus'
import { GpuWatch } from '@swarm/shared/gpu'
import { type Backend, nvccEnv } from '@swarm/shared/trainer'
import { wallsOf } from '@swarm/shared/walls'
import { Agent, patiently } from './agent.ts'
import { dataOf } from './data.ts'
import { LaneInvalid, laneEnv, machineOf, parseLane, pinTo, workersOf } from './lane.ts'
import { giveBack } from './held.ts'
import { Ledger } from './ledger.ts'
import { LogFile } from './logfile.ts'
import { loop } from './loop.ts'
import { Membership } from './membership.ts'
import { Outbox } from './outbox.ts'
import { Places } from './places.ts'
import { Pulse } from './pulse.ts'
import { KeyMissing, redact } from '@swarm/shared/model/keys'
import { ModelUnknown } from '@swarm/shared/model/open'
import { ScriptInvalid } from '@swarm/shared/model/scripted'
import { Controls } from './controls.ts'
import { purseOver } from './purse.ts'
import { hire } from './researchers/known.ts'
import { jail, sweep } from './sandbox.ts'
import { builtFrozen, manifestOf, type Settings, settingsOf, Usage } from './settings.ts'
import { Backoff } from './waiting.ts'
import { compilerVersion, type Workshop } from './workshop.ts'
import { bundlesOf, Worktrees } from './worktree.ts'

const EXIT = { left: 0, failure: 1, usage: 2, noHub: 4, sick: 7 } as const
/** Everything is ended and said good-bye to within this, or the process ends without. */
const LEAVE_MS = 4_500

async function connect(settings: Settings, log: (line: string) => void, leaving: AbortSignal): Promise<Bus> {
  const deadline = performance.now() + settings.waitSeconds * 1_000
  const backoff = new Backoff(250, 3_000)
  const name = `${settings.name ?? 'agent'}-${process.pid}`
  for (;;) {
    try {
      return await openBus({ url: settings.url, name, log })
    } catch (error) {
      const why = (error as Error).cause as Error | undefined
      if (why?.name === 'AuthorizationError' || /authoriz/i.test(why?.message ?? ''))
        throw new Error('the hub does not take this password; ask for a fresh URL with: swarm invite', { cause: error })
      if (!(error instanceof HubUnreachable) || leaving.aborted || performance.now() > deadline) throw error
      await backoff.wait(leaving)
    }
  }
}

async function main(args: readonly string[]): Promise<number> {
  const leave = new AbortController()
  const leaving = leave.signal
  let code: number = EXIT.left
  const goNow = (reason: string): void => {
    if (leaving.aborted) return
    leave.abort(reason)
    // Children are killed as groups on the way out, see exec.ts.
    setTimeout(() => process.exit(code), LEAVE_MS).unref()
  }
  process.on('SIGTERM', () => goNow('SIGTERM'))
  process.on('SIGINT', () => goNow('SIGINT'))
  process.on('SIGHUP', () => goNow('SIGHUP'))
  const parent = process.ppid
  setInterval(() => {
    if (process.ppid !== parent) goNow('its parent is gone')
  }, 500).unref()

  const settings = settingsOf(args)
  const lane = parseLane(settings.lane)
  const backend: Backend = lane.gpu === undefined ? 'cpu' : 'cuda'
  const trainer = join(settings.checkout, 'trainer-native')
  const frozen = builtFrozen(trainer)
  const logFile = new LogFile()
  const log = (line: string): void => logFile.write(line)

  let bus: Bus | undefined
  let membership: Membership | undefined
  let pulse: Pulse | undefined
  let ledger: Ledger | undefined
  let gpu: GpuWatch | undefined
  try {
    bus = await connect(settings, log, leaving)
    const { researcher: of, baseUrl, script } = settings
    const by = (): string => membership?.current.agent ?? 'agent'
    const researcher = await hire({ researcher: of, baseUrl, script, purse: purseOver(bus, leaving), by, log })
    ledger = await Ledger.open(bus)
    const machine = await machineOf(lane)
    membership = new Membership(bus, ledger, {
      ...(settings.name === undefined ? {} : { name: settings.name }),
      lane,
      machine,
      frozen,
      ...manifestOf(settings.data),
      ...(of.name === 'search' ? {} : { researcher: of }),
    })
    const { agent: name, session } = await membership.join(settings.waitSeconds * 1_000, leaving)
    const places = new Places(settings.home, name)
    logFile.open(places.log, { agent: name, session })
    say({ joined: name, session, lane: settings.lane ?? `cpu:${lane.cores.join(',')}` })
    await rm(places.runs, { recursive: true, force: true })
    mkdirSync(places.cache, { recursive: true })
    const onLane = await pinTo(lane)
    const workshop: Workshop = {
      trainer,
      cache: places.cache,
      frozen,
      compiler: await compilerVersion(),
      env: nvccEnv(),
      prefix: ['nice', '-n', '10', ...onLane],
    }
    const outbox = new Outbox(bus, places.outbox)
    const who = membership
    const hub = bus
    if (lane.gpu !== undefined)
      gpu = new GpuWatch(lane.gpu, (why) => {
        // A trainer on it may not even die: its work is given back first.
        log(why)
        process.stderr.write(`agent: ${why}\n`)
        code = EXIT.sick
        giveBack(places.held, hub)
        void who.leave(why)
        goNow(why)
      })
    const beating = new Pulse(
      bus,
      () => ({ agent: who.current.agent, session: who.current.session }),
      () => who.rest.paused,
      () => gpu?.use,
    )
    pulse = beating
    who.rest.onChange(() => {
      log(who.rest.paused ? 'paused: nothing is claimed until people say go on' : 'going on')
      beating.again()
    })
    const fetchBundle = bundlesOf(bus)
    const agent = new Agent({
      bus,
      ledger,
      membership,
      places,
      onLane,
      jail: await jail(),
      walls: await wallsOf(trainer, backend),
      env: laneEnv(lane),
      backend,
      machine,
      ...(gpu === undefined ? {} : { gpu }),
      workers: workersOf(lane),
      workshop,
      judge: join(trainer, 'build', 'judge'),
      researcher,
      ...(researcher.learn === undefined ? {} : { controls: new Controls(bus, leaving) }),
      outbox,
      pulse,
      leaving,
      data: dataOf(bus, () => who.current, settings.data, places.data),
      worktrees: new Worktrees(places.worktrees, (commit) => patiently(leaving, () => fetchBundle(commit))),
    })
    sweep(`${agent.mark}-train`)
    sweep(`${agent.mark}-preflight`)
    sweep(`${agent.mark}-try`)
    membership.keep(leaving, (error) => {
      log(error.message)
      goNow(error.message)
    })
    bus.onControl(name, (control) => {
      log(`told to ${control.do}: ${control.reason}`)
      if (control.do === 'stop') goNow(control.reason)
      else agent.draining = true
    })
    await outbox.sendAll(leaving)
    giveBack(places.held, bus)
    await loop(agent)
    await membership.leave(leaving.aborted ? String(leaving.reason) : 'drained')
    say({ left: leaving.aborted ? String(leaving.reason) : 'drained' })
    return code
  } catch (error) {
    if (leaving.aborted) return code
    logFile.fail(error as Error)
    await membership?.leave((error as Error).message.slice(0, 200))
    throw error
  } finally {
    gpu?.stop()
    pulse?.stop()
    ledger?.stop()
    await bus?.close()
  }
}

/** What a person has to set right before this agent can start. */
const UNUSABLE = [Usage, LaneInvalid, KeyMissing, ModelUnknown, ScriptInvalid]

const say = (fact: object): void => void process.stdout.write(`${JSON.stringify(fact)}\n`)

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: Error) => {
    process.stderr.write(`agent: ${redact(error.message)}\n`)
    process.exit(
      error instanceof HubUnreachable
        ? EXIT.noHub
        : UNUSABLE.some((kind) => error instanceof kind)
          ? EXIT.usage
          : EXIT.failure,
    )
  },
)
