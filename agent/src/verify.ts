// Verify: the judge scores the checkpoint, in a folder the trainer never saw. What it and the trainer's report state must agree
// with each other and with what was asked; anything else is suspected, never measured.
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { describeEnd, run } from '@swarm/shared/exec'
import type { Split } from '@swarm/shared/experiment'
import type { Scale } from '@swarm/shared/scale'
import { type Backend, DEVICE_FAILED, judgeFlags } from '@swarm/shared/trainer'
import type { Sandbox, Walls } from '@swarm/shared/walls'
import { type Ending, plain } from './ending.ts'
import { Judgement, Report, readWritten } from './report.ts'

const TIME_LIMIT_MS = 600_000
/** More than any network within the trainer's memory limit. */
const MOST_CHECKPOINT_BYTES = 4 * 2 ** 30

export interface Verify {
  judge: string
  /** The trainer that ran: asked for its own ops, where it says it has any. */
  binary: string
  data: string
  /** Where the trainer wrote; and a folder for the judge alone. */
  runDir: string
  judgeDir: string
  asked: {
    seed: number
    budget: string
    scale: Scale
    backend: Backend
    frozen: string
    manifest: string
    split?: Split | undefined
  }
  prefix: readonly string[]
  /** Of the lane: a judge on a GPU sees that of its lane alone. */
  env: Record<string, string>
  walls: Walls
  signal: AbortSignal
}

export async function verify(order: Verify): Promise<Ending> {
  const { judge, binary, data, runDir, judgeDir, asked, prefix, env, walls, signal } = order
  const report = await readWritten(join(runDir, 'report.json'), Report)
  if ('refused' in report) return suspected(`the trainer ended well, but ${report.refused}`)
  const checkpoint = join(runDir, 'checkpoint.bin')
  const hash = await hashOf(checkpoint)
  if (hash === undefined)
    return suspected(
      `the trainer ended well, but its checkpoint is not a regular file of at most ${MOST_CHECKPOINT_BYTES} bytes`,
    )

  await mkdir(judgeDir, { recursive: true })
  const out = join(judgeDir, 'judge.json')
  const text = asked.split === undefined ? [] : ['--split', asked.split]
  const own = report.value.customOps.length === 0 ? [] : ['--own-code', binary]
  const [file, ...args] = [
    ...prefix,
    ...walls.judge,
    judge,
    '--data',
    data,
    '--checkpoint',
    checkpoint,
    '--out',
    out,
    ...text,
    ...judgeFlags(asked),
    ...own,
  ]
  const { output, end } = await run(file as string, args, { cwd: judgeDir, env, timeoutMs: TIME_LIMIT_MS, signal })
  const words = plain(output.trim().split('\n').at(-1) ?? '', 500)
  if (end.how !== 'exit')
    return { outcome: 'infra-failed', cause: `the judge ${describeEnd(end)}`, log: plain(output, 4_000) }
  if (end.code === 6) return suspected(`the judge refuses the checkpoint: ${words}`)
  if (end.code !== 0)
    return {
      outcome: 'infra-failed',
      cause: `the judge cannot work here (exit code ${end.code}): ${words}`,
      log: plain(output, 4_000),
      ...(end.code === DEVICE_FAILED ? { deviceFailed: true } : {}),
    }
  const judged = await readWritten(out, Judgement)
  if ('refused' in judged) return { outcome: 'infra-failed', cause: `the judge ended well, but ${judged.refused}` }
  return compare(report.value, judged.value, asked, hash, walls.sandbox)
}

function compare(report: Report, judged: Judgement, asked: Verify['asked'], hash: string, sandbox: Sandbox): Ending {
  const facts: [what: string, found: unknown, expected: unknown][] = [
    ['the judge’s frozen sources', judged.frozen, asked.frozen],
    ['the trainer’s frozen sources', report.frozen, asked.frozen],
    ['the judge’s data set', judged.manifest, asked.manifest],
    ['the trainer’s data set', report.manifest, asked.manifest],
    ['the judged text', judged.split ?? 'val', asked.split ?? 'val'],
    ['the checkpoint’s seed', judged.seed, asked.seed],
    ['the report’s seed', report.seed, asked.seed],
    ['the report’s budget', report.budget, asked.budget],
    ['the report’s scale', report.scale, asked.scale],
    ['the report’s backend', report.backend, asked.backend],
    ['the checkpoint’s budget', judged.budget ?? asked.budget, asked.budget],
    ['the judged checkpoint', judged.checkpointSha256, hash],
    ['the reported checkpoint', report.checkpointSha256, hash],
    ['the steps of the checkpoint', judged.steps, report.steps],
    ['“cut short”', report.partial, false],
    ['the trust in the score', judged.trust, judged.customOps.length === 0 ? 'proved' : 'probed'],
  ]
  for (const [what, found, expected] of facts)
    if (found !== expected) return suspected(`${what}: found ${String(found)}, expected ${String(expected)}`)
  return {
    outcome: 'measured',
    measurement: {
      valBpb: judged.valBpb,
      steps: report.steps,
      tokens: report.tokens,
      trainLoss: report.trainLoss,
      trainingSeconds: report.trainingSeconds,
      workSeconds: report.workSeconds,
      evalSeconds: judged.seconds,
      peakBytes: report.peakBytes,
      paramsM: report.paramsM,
      depth: report.depth,
      checkpoint: hash,
      frozen: judged.frozen,
      manifest: judged.manifest,
      ...(judged.split === undefined ? {} : { split: judged.split }),
      isa: report.isa,
      ...(report.device === undefined ? {} : { device: report.device }),
      sandbox,
      trust: judged.trust,
      ...(judged.customOps.length === 0 ? {} : { customOps: judged.customOps }),
    },
  }
}

const suspected = (cause: string): Ending => ({ outcome: 'cheat-suspected', cause: plain(cause, 1_000) })

/** sha256 of a regular file; undefined for anything else, links and giants included. */
async function hashOf(path: string): Promise<string | undefined> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    try {
      const info = await handle.stat()
      if (!info.isFile() || info.size > MOST_CHECKPOINT_BYTES) return undefined
      const hash = createHash('sha256')
      for await (const chunk of handle.createReadStream({ autoClose: false })) hash.update(chunk as Buffer)
      return hash.digest('hex')
    } finally {
      await handle.close()
    }
  } catch {
    return undefined
  }
}
