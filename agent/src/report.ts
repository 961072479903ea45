// Reading what frozen code wrote. The folder was a trainer's, so nothing in it is trusted to be what it seems.
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { Sha256, Split } from '@swarm/shared/experiment'
import { Trust } from '@swarm/shared/result'
import { Scale } from '@swarm/shared/scale'
import { z } from 'zod'

const MOST_BYTES = 64 * 1024
const Count = z.number().int().nonnegative()
const Positive = z.number().nonnegative()

/** report.json, docs/decisions/0002; fields nobody here reads are let through. */
export const Report = z.object({
  version: z.literal(1),
  seed: Count,
  budget: z.string(),
  steps: Count,
  tokens: Count,
  partial: z.boolean(),
  trainLoss: z.number(),
  trainingSeconds: Positive,
  totalSeconds: Positive,
  workSeconds: Positive,
  peakBytes: Positive,
  paramsM: Positive,
  depth: Count,
  tokensPerStep: Positive,
  frozen: Sha256,
  manifest: Sha256,
  checkpointSha256: Sha256.nullish(),
  isa: z.string().max(32),
  /** Absent from trainers that knew one of each: cpu. `device` is there with cuda alone. */
  scale: Scale.default('cpu'),
  backend: z.enum(['cpu', 'cuda']).default('cpu'),
  device: z.string().max(128).optional(),
  customOps: z.array(z.string().max(100)).max(64).default([]),
})
export type Report = z.infer<typeof Report>

/** judge.json. */
export const Judgement = z.object({
  version: z.literal(1),
  valBpb: z.number().positive(),
  tokens: Count,
  bytes: Count,
  seconds: Positive,
  frozen: Sha256,
  manifest: Sha256,
  checkpointSha256: Sha256,
  seed: Count,
  steps: Count,
  budget: z.string().optional(),
  trust: Trust,
  customOps: z.array(z.string().max(100)).max(64).default([]),
  /** Absent from judges that knew one text only: val. */
  split: Split.optional(),
})
export type Judgement = z.infer<typeof Judgement>

/** The file's content, or why it is no proper file of frozen code. Links are not followed, pipes and giants are not read. */
export async function readWritten<T>(file: string, schema: z.ZodType<T>): Promise<{ value: T } | { refused: string }> {
  const name = file.slice(file.lastIndexOf('/') + 1)
  let handle: FileHandle
  try {
    handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return {
      refused:
        code === 'ELOOP'
          ? `${name} is a link`
          : code === 'ENOENT'
            ? `there is no ${name}`
            : `${name} cannot be read (${code})`,
    }
  }
  try {
    const stat = await handle.stat()
    if (!stat.isFile()) return { refused: `${name} is not a regular file` }
    if (stat.size > MOST_BYTES) return { refused: `${name} has ${stat.size} bytes, at most ${MOST_BYTES} are read` }
    const parsed = schema.safeParse(JSON.parse(await handle.readFile('utf8')))
    if (parsed.success) return { value: parsed.data }
    const issue = parsed.error.issues[0]
    return { refused: `${name}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not as agreed'}` }
  } catch (error) {
    return { refused: `${name} is not JSON (${(error as Error).message})` }
  } finally {
    await handle.close()
  }
}
