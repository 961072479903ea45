// The foreground run: hold the home, make what is missing, supervise, show, close.
import { appendFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { openBus } from '@swarm/shared/bus'
import type { Caps } from '@swarm/shared/call'
import { closing, Lines } from '../../tui/lines.ts'
import { Fold } from '../../tui/fold.ts'
import { GaveUp } from '../../processes.ts'
import { type Show, showLines, showScreen, wantsScreen } from '../../tui/show.ts'
import { EXIT, Failed } from '../failure.ts'
import { data } from '../output.ts'
import { type Hold, holdHome } from '../record.ts'
import { type StopRequest, stopRequests } from '../stop.ts'
import { commandFor } from '../typed.ts'
import type { UpOptions } from './options.ts'
import { castOf, readersAmong } from './cast.ts'
import { type Lanes, lanesFor } from './lanes.ts'
import { makeData, makeTrainer } from './ready.ts'
import { type Task, taskOf } from './task.ts'
import { supervise, type Supervisor, type SwarmOptions } from './supervisor.ts'

export async function runSwarm(options: UpOptions): Promise<number> {
  const agents = options.agents ?? Math.min(4, availableParallelism())
  const hold = holdHome(options.home, { agents, checkout: options.checkout, data: options.data })
  const stop = stopRequests(() => hold.release())
  try {
    return await runHeld(options, hold, stop)
  } finally {
    stop.forget()
    hold.release()
  }
}

async function runHeld(options: UpOptions, hold: Hold, stop: StopRequest): Promise<number> {
  const started = Date.now()
  const task = taskOf(options)
  const early = new Lines(new Fold(), data)
  let show: Show | undefined
  const note = (text: string): void => (show ?? early).note(text)

  let lanes: Lanes | undefined
  const preparing = (async () => {
    // A folder somebody named is only looked at: refused before anything is built.
    if (!task.ours) await makeData(task.data, false, note)
    await makeTrainer(options.checkout, note)
    if (task.ours) await makeData(task.data, true, note)
    lanes = await lanesFor({ ...options, ...task }, note)
  })()
  await Promise.race([stop.asked, preparing])
  if (stop.heard() || lanes === undefined) return EXIT.done

  const swarm = await supervise(swarmOptions(options, task, lanes), {
    note,
    processes: (children) => hold.update({ children }),
  })
  swarm.done.catch(() => {}) // heard below; a failure while the screen opens must not end the process before it is closed
  const { url, agentUrl } = swarm.server
  hold.update({ url, agentUrl, ...(options.listen === undefined ? {} : { listen: options.listen }) })
  // Up is what answers: whoever waited for it (--detach) may ask the coordinator at once.
  void swarm.ready.then(() => {
    if (!stop.heard()) hold.update({ state: 'running' })
  })
  note(`up: nats-server ${swarm.server.version} at ${swarm.server.address}, home ${options.home}`)
  if (swarm.server.degraded !== undefined) note(swarm.server.degraded)

  const bus = await openBus({ url, name: `up-${process.pid}`, patient: true })
  show = await open(swarm, bus, options, started, stop)
  void stop.asked.then(() => {
    hold.update({ state: 'stopping' })
    note('stopping; once more ends it at once')
    return swarm.stop()
  })
  let how: Awaited<typeof swarm.done>
  try {
    how = await swarm.done
  } catch (error) {
    if (!(error instanceof GaveUp)) throw error
    const log = path.join(options.home, 'logs', 'coordinator.log')
    throw new Failed(
      `the run cannot go on: ${error.message}\nNothing is lost. See ${commandFor('board', options.home)} and ${log}; ${commandFor('up', options.home)} tries again.`,
      EXIT.failure,
      { cause: error },
    )
  } finally {
    await bus.close()
    await show.close()
  }
  const typed = (verb: string): string => commandFor(verb, options.home)
  for (const line of closing(show.fold.view(), (Date.now() - started) / 1000, typed)) data(line)
  return how === 'spent' ? EXIT.budget : EXIT.done
}

function swarmOptions(options: UpOptions, { program, data }: Task, { lanes, gpu }: Lanes): SwarmOptions {
  const agents = lanes.length
  const { home, checkout, seed, name: prefix, nats, listen, experiments, minutes, budget, scale } = options
  const { baseUrl, script, prices } = options
  const cast = castOf(options, agents)
  const readers = readersAmong(cast.agents)
  const caps = capsOf(options)
  return {
    home,
    data,
    checkout,
    seed,
    agents,
    lanes,
    ...(scale === undefined ? {} : { scale }),
    ...(gpu === undefined ? {} : { gpu }),
    researchers: cast.agents,
    prefix,
    program,
    ...(nats === undefined ? {} : { nats }),
    ...(listen === undefined ? {} : { listen }),
    ...(experiments === undefined ? {} : { experiments }),
    ...(minutes === undefined ? {} : { minutes }),
    ...(budget === undefined ? {} : { budget }),
    ...(cast.director === undefined ? {} : { director: cast.director }),
    ...(readers === 0 ? {} : { readers }),
    ...(caps === undefined ? {} : { caps }),
    ...(baseUrl === undefined ? {} : { baseUrl }),
    ...(script === undefined ? {} : { script }),
    ...(prices === undefined ? {} : { prices }),
  }
}

function capsOf(o: UpOptions): Caps | undefined {
  const caps: Caps = {
    ...(o.budgetUsd === undefined ? {} : { usd: o.budgetUsd }),
    ...(o.budgetTokens === undefined ? {} : { tokens: o.budgetTokens }),
    ...(o.budgetCalls === undefined ? {} : { calls: o.budgetCalls }),
    ...(o.budgetLaneSeconds === undefined ? {} : { laneSeconds: o.budgetLaneSeconds }),
    ...(o.budgetWall === undefined ? {} : { wallSeconds: o.budgetWall }),
  }
  return Object.keys(caps).length === 0 ? undefined : caps
}

async function open(
  swarm: Supervisor,
  bus: Awaited<ReturnType<typeof openBus>>,
  options: UpOptions,
  since: number,
  stop: StopRequest,
): Promise<Show> {
  const place = swarm.server.address
  if (!options.color) process.env.NO_COLOR = '1'
  if (!wantsScreen(options)) return showLines(bus, { since, place }, data)
  const screen = await showScreen(bus, {
    since,
    place,
    ascii: options.ascii,
    quitWords: 'stop the swarm',
    quit: stop.ask,
  })
  // Nothing is written past a screen; what would have been a line goes to a file as well.
  const log = path.join(options.home, 'logs', 'up.log')
  return {
    ...screen,
    note: (text) => {
      screen.note(text)
      appendFileSync(log, `${new Date().toISOString()} ${text}\n`)
    },
  }
}
