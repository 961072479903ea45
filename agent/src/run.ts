// Run: the trainer as a process of its own, on the lane's cores, in the jail, with a time limit. First ten steps as a preflight,
// then the whole budget, which is ours to end where it is a time of day: at the bell it is frozen, and a later checkpoint does not exist. Its exit code says what it came to (docs/decisions/0002); nothing it prints is a score.
import { lstatSync } from 'node:fs'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describeEnd, type Ended, start } from '@swarm/shared/exec'
import { killGroup } from '@swarm/shared/group'
import type { Scale } from '@swarm/shared/scale'
import { type Backend, DEVICE_FAILED, trainerFlags } from '@swarm/shared/trainer'
import { z } from 'zod'
import { type Ending, plain } from './ending.ts'
import { Report, readWritten } from './report.ts'
import { marked, sweep } from './sandbox.ts'

const PREFLIGHT_STEPS = 10
const PREFLIGHT_LIMIT_MS = 180_000
const TAIL_LINES = 40

/** A line of `train --json`. */
const Progress = z.object({
  step: z.number().int().nonnegative(),
  steps: z.number().int().positive().nullish(),
  loss: z.number().nullish(),
  progress: z.number().min(0).max(1).nullish(),
})
export type Progress = z.infer<typeof Progress>

export interface Run {
  binary: string
  data: string
  seed: number
  budget: string
  scale: Scale
  backend: Backend
  /** An empty folder of this run alone. */
  dir: string
  workers: number
  /** Jail, cores, niceness: put before the trainer. */
  prefix: readonly string[]
  env: Record<string, string>
  /** Marks the processes of this agent, for what a process group does not hold. */
  mark: string
  signal: AbortSignal
  see: (progress: Progress) => void
}

/** What ten steps told of the rest. */
export interface Pace {
  secondsPerStep: number
  tokensPerStep: number
  /** Of the whole preflight by our own clock: set-up, ten steps, a checkpoint. */
  seconds: number
}

export async function preflight(run: Run): Promise<Pace | Ending> {
  const began = performance.now()
  const ending = await attend(run, PREFLIGHT_LIMIT_MS, [...trainArgs(run), '--max-steps', String(PREFLIGHT_STEPS)])
  const seconds = (performance.now() - began) / 1000
  if (ending !== undefined)
    return ending.outcome === 'infra-failed' ? ending : { ...ending, outcome: 'preflight-failed' }
  const report = await readWritten(join(run.dir, 'report.json'), Report)
  if ('refused' in report)
    return { outcome: 'preflight-failed', cause: `the trainer ended well and left no proper report: ${report.refused}` }
  const { trainingSeconds, steps, tokensPerStep } = report.value
  return { secondsPerStep: trainingSeconds / Math.max(1, steps), tokensPerStep, seconds }
}

/** The whole budget. Undefined when the trainer ended well; what it is worth is the judge's to say. */
export function train(run: Run, limitMs: number, bell?: number): Promise<Ending | undefined> {
  return attend(run, limitMs, trainArgs(run), bell)
}

const trainArgs = ({ data, seed, budget, dir, workers, ...on }: Run): string[] =>
  Object.entries({ data, seed, budget, out: dir, workers })
    .flatMap(([name, value]) => [`--${name}`, String(value)])
    .concat('--json', trainerFlags(on))

async function attend(run: Run, limitMs: number, args: readonly string[], bell?: number): Promise<Ending | undefined> {
  await rm(run.dir, { recursive: true, force: true })
  await mkdir(run.dir, { recursive: true })
  const [file, ...rest] = [...run.prefix, run.binary, ...args]
  const child = start(file as string, rest, {
    cwd: run.dir,
    env: { ...run.env, ...marked(run.mark) },
    timeoutMs: limitMs,
    signal: run.signal,
    keepOutput: false,
  })
  let rung: 'with a checkpoint' | 'with nothing' | undefined
  const ring = (): void => {
    killGroup(child.pid, 'SIGSTOP') // what is not there now will never be
    rung = ['checkpoint.bin', 'report.json'].every((name) => isRegular(join(run.dir, name)))
      ? 'with a checkpoint'
      : 'with nothing'
    killGroup(child.pid, 'SIGKILL')
  }
  const timer = bell === undefined ? undefined : setTimeout(ring, bell)
  const tail: string[] = []
  try {
    for await (const line of child.lines()) {
      const progress = progressOf(line)
      if (progress !== undefined) run.see(progress)
      else if (tail.push(line.slice(0, 500)) > TAIL_LINES) tail.shift()
    }
  } catch {
    /* how it ended says more than a pipe that broke */
  }
  const { end } = await child.ended
  clearTimeout(timer)
  sweep(run.mark)
  if (rung === 'with a checkpoint') return undefined
  if (rung === 'with nothing')
    return {
      outcome: 'timed-out',
      cause: `the bell of ${run.budget} rang after ${((bell ?? 0) / 1000).toFixed(1)} s, and the trainer had left no whole checkpoint and report`,
    }
  return endingOf(end, tail, limitMs)
}

const isRegular = (file: string): boolean => lstatSync(file, { throwIfNoEntry: false })?.isFile() ?? false

function progressOf(line: string): Progress | undefined {
  if (!line.startsWith('{"step"')) return undefined
  try {
    return Progress.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}

/** Exit codes as values. A shell in between gives 128 + the number of a signal. */
function endingOf(end: Ended, tail: readonly string[], limitMs: number): Ending | undefined {
  const words = plain(tail.filter((l) => l.trim() !== '').at(-1) ?? '', 500)
  const log = plain(tail.join('\n'), 8_000)
  const as = (outcome: Ending['outcome'], otherwise: string): Ending => ({
    outcome,
    cause: words === '' ? otherwise : words,
    ...(log === '' ? {} : { log }),
  })
  if (end.how === 'timeout')
    return {
      outcome: 'timed-out',
      cause: `the trainer ran past its time limit of ${Math.round(limitMs / 1000)} s and was killed`,
      ...(log === '' ? {} : { log }),
    }
  if (end.how === 'aborted' || end.how === 'not-started')
    return { outcome: 'infra-failed', cause: `the trainer ${describeEnd(end)}` }
  if (end.how === 'signal' || end.code > 128)
    return {
      outcome: 'run-failed',
      cause: `the trainer was killed by ${end.how === 'signal' ? end.signal : `signal ${end.code - 128}`}`,
      ...(log === '' ? {} : { log }),
    }
  switch (end.code) {
    case 0:
      return undefined
    case 3:
      return as('diverged', 'the loss is not a number or above 100')
    case 5:
      return as('preflight-failed', 'the trainer refused the network before the first step')
    case DEVICE_FAILED:
      return { ...as('infra-failed', 'the device of this lane failed'), deviceFailed: true }
    case 2:
    case 4:
      return as('infra-failed', `the trainer cannot work here (exit code ${end.code})`)
    default:
      return as('run-failed', `the trainer ended with exit code ${end.code}`)
  }
}

/** Of the set-up a trainer may take beside a wall budget. */
const MOST_SET_UP_S = 60

/**
 * When a wall budget is over by our own clock, from the start of the process. The trainer's clock begins after its set-up, which we
 * cannot see; as much is allowed as the whole preflight took. Undefined for budgets that are no clock, or the processor's.
 */
export function bellMs(budget: string, pace: Pace): number | undefined {
  const m = /^wall:(\d+(?:\.\d+)?)([smh])$/.exec(budget)
  if (m === null) return undefined
  const unit = { s: 1, m: 60, h: 3600 }[m[2] as 's' | 'm' | 'h']
  return 1_000 * (Number(m[1]) * unit + 2 + Math.min(pace.seconds, MOST_SET_UP_S))
}

/** Hard limit of a whole run. A model second is about a second of an idle reference core; `factor` is the program's allowance for slow and busy ones. */
export function timeLimitMs(budget: string, factor: number, pace: Pace): number {
  const [kind, amount = ''] = budget.split(':')
  const number = Number.parseFloat(amount)
  const unit = amount.at(-1)
  if (kind === 'tokens') {
    const tokens = number * (unit === 'M' ? 1e6 : unit === 'k' ? 1e3 : 1)
    return 1_000 * (30 + factor * (tokens / Math.max(1, pace.tokensPerStep)) * pace.secondsPerStep)
  }
  const seconds = number * (unit === 'h' ? 3600 : unit === 'm' ? 60 : 1)
  return 1_000 * (kind === 'wall' ? 1.5 * seconds + 60 : factor * seconds + 30)
}
