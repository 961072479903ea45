// Build, train, judge, with one progress line. The trainer is known by its build target, its flags and its JSON (docs/decisions/0002).
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describeEnd, run, start } from '@swarm/shared/exec'
import { listGpus } from '@swarm/shared/gpu'
import { Trust } from '@swarm/shared/result'
import type { Scale } from '@swarm/shared/scale'
import { type Backend, deviceEnv, judgeFlags, trainerFlags } from '@swarm/shared/trainer'
import { wallsOf } from '@swarm/shared/walls'
import { z } from 'zod'
import { checkoutDir, stateDir } from '../../home.ts'
import { EXIT, Failed, Usage } from '../failure.ts'
import { data, jsonLine, say } from '../output.ts'
import type { TrainOptions } from './options.ts'
import { computesWith } from '../up/backend.ts'
import { makeData, makeTrainer } from '../up/ready.ts'
import { taskOf } from '../up/task.ts'
import { closingBlock } from './block.ts'
import { buildExperiment } from './build.ts'
import { ProgressLine } from './progress.ts'

export const Report = z.looseObject({
  seed: z.number(),
  budget: z.string(),
  steps: z.number(),
  tokens: z.number(),
  trainingSeconds: z.number(),
  workSeconds: z.number(),
  peakBytes: z.number(),
  paramsM: z.number(),
  depth: z.number(),
  mfuPercent: z.number(),
  checkpointSha256: z.string(),
  isa: z.string(),
  customOps: z.array(z.string()).default([]),
  sandbox: z.string().default('unsandboxed'),
  scale: z.string().default('cpu'),
  device: z.string().optional(),
})
export const Judged = z.looseObject({
  valBpb: z.number(),
  trust: Trust,
  seconds: z.number(),
  checkpointSha256: z.string(),
  frozen: z.string(),
  manifest: z.string(),
})

/** What a trainer's exit codes mean, where its own last line is silent. */
const CODES: Record<number, string> = {
  3: 'the run diverged',
  4: 'the data set is missing or damaged',
  5: 'the experiment was refused before its first step',
  6: 'the judge refuses the checkpoint',
  7: 'the device failed',
}

export async function trainByHand(file: string, options: TrainOptions): Promise<void> {
  const checkout = checkoutDir()
  if (!existsSync(file))
    throw new Usage(
      `there is no experiment ${file}. The shipped one is ${path.join(checkout, 'trainer-native/experiment/train.cu')}.`,
    )
  if (options.resume && options.keep === undefined)
    throw new Usage('a run is resumed from the folder it was kept in: give --keep DIR with --resume.')
  const native = path.join(checkout, 'trainer-native')
  const began = Date.now()
  await makeTrainer(checkout, say)
  const { data: text, ours, budget, scale } = taskOf({ ...options, checkout })
  await makeData(text, ours, say)

  const out = options.keep ?? mkdtempSync(path.join(tmpdir(), 'swarm-train-'))
  try {
    const built = await buildExperiment(file, native, path.join(stateDir(), 'train'), scale)
    say(`build ${built.seconds.toFixed(1)} s${built.cached ? ' (cache)' : ''}`)
    if (options.keep !== undefined) {
      mkdirSync(out, { recursive: true })
      copyFileSync(built.binary, path.join(out, 'train'))
    }

    const backend = await backendFor(options, built.binary, text, scale)
    const env = passedOn(backend)
    const walls = await wallsOf(native, backend)
    const firstStepSeconds = await train([...walls.train, built.binary], env, began, [
      '--data',
      text,
      '--seed',
      String(options.seed),
      '--budget',
      budget,
      '--out',
      out,
      '--json',
      ...trainerFlags({ scale, backend }),
      ...(options.workers === undefined ? [] : ['--workers', String(options.workers)]),
      ...(options.resume ? ['--resume'] : []),
    ])
    const report = Report.parse(read(out, 'report.json'))
    say('judging on the validation text')
    const [judge, ...before] = [...walls.judge, path.join(native, 'build', 'judge')]
    const verdict = await run(
      judge as string,
      [
        ...before,
        ...['--data', text, '--checkpoint', path.join(out, 'checkpoint.bin'), '--out', path.join(out, 'judge.json')],
        ...judgeFlags({ scale, backend }),
        ...(report.customOps.length === 0 ? [] : ['--own-code', built.binary]),
      ],
      { env, timeoutMs: 30 * 60_000 },
    )
    if (verdict.code !== 0) throw new Failed(why(verdict.code, verdict.output, 'judge'))
    const judged = Judged.parse(read(out, 'judge.json'))
    if (judged.checkpointSha256 !== report.checkpointSha256)
      throw new Failed('the judge read another checkpoint than the trainer reports; run it again in an empty folder')

    const facts = { report, judged, built, firstStepSeconds, totalSeconds: (Date.now() - began) / 1000 }
    if (options.json)
      jsonLine({
        valBpb: judged.valBpb,
        trust: judged.trust,
        ...report,
        judgeSeconds: judged.seconds,
        buildSeconds: built.seconds,
        buildCached: built.cached,
        firstStepSeconds,
        totalSeconds: facts.totalSeconds,
        lossCurve: undefined,
        ...(options.keep === undefined ? {} : { kept: out }),
      })
    else for (const line of closingBlock(facts)) data(line)
  } finally {
    if (options.keep === undefined) rmSync(out, { recursive: true, force: true })
  }
}

/** Seconds from `began` until the first step was made. */
async function train(
  [file, ...before]: readonly string[],
  env: Record<string, string>,
  began: number,
  args: readonly string[],
): Promise<number | undefined> {
  const child = start(file as string, [...before, ...args], { keepOutput: false, env })
  const progress = new ProgressLine(process.stderr)
  let lastWords = ''
  let first: number | undefined
  for await (const line of child.lines()) {
    if (!progress.see(line)) lastWords = line
    else if (first === undefined) {
      first = (Date.now() - began) / 1000
      say(`first step after ${first.toFixed(1)} s`)
    }
  }
  progress.end()
  const { end } = await child.ended
  if (end.how === 'exit' && end.code === 0) return first
  throw new Failed(
    end.how === 'exit' ? why(end.code, lastWords, 'trainer') : `the trainer ${describeEnd(end)}`,
    EXIT.failure,
  )
}

function why(code: number, output: string, who: string): string {
  const words = output.trim().split('\n').at(-1) ?? ''
  return `the ${who} gives no result (exit code ${code}${CODES[code] === undefined ? '' : `, ${CODES[code]}`})${words === '' ? '' : `: ${words}`}`
}

/**
 * auto: a GPU, where there is one, for the scale of a GPU. Runs at the scale of a CPU stay on the cores, where they have the same bits on
 * every machine.
 */
async function backendFor({ backend }: TrainOptions, binary: string, text: string, scale: Scale): Promise<Backend> {
  if (backend !== 'auto') return backend
  if (scale === 'cpu' || (await listGpus()).length === 0) return 'cpu'
  const computes = await computesWith(binary, text, scale)
  if (computes.backend === 'cuda') return 'cuda'
  say(`training on the cores: ${computes.why ?? 'the trainer has no CUDA'}`)
  return 'cpu'
}

function passedOn(backend: Backend): Record<string, string> {
  const device = deviceEnv(backend === 'cuda' ? (process.env.CUDA_VISIBLE_DEVICES ?? '0') : '')
  return { ...device, ...(process.env.SWARM_ISA === undefined ? {} : { SWARM_ISA: process.env.SWARM_ISA }) }
}

function read(out: string, name: string): unknown {
  return JSON.parse(readFileSync(path.join(out, name), 'utf8'))
}
