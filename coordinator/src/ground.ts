// The ground a swarm stands on: program, data set and frozen sources, and the track they make.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import path from 'node:path'
import { z } from 'zod'
import { Budget, Sha256 } from '@swarm/shared/experiment'
import type { Program } from '@swarm/shared/program'
import { machineClass, trackOf } from '@swarm/shared/track'
import type { Board } from './board/schema.ts'
import type { FactToWrite } from './decide/situation.ts'

/** Something the swarm stands on is missing or damaged; the message says what to type. */
export class GroundMissing extends Error {
  override name = 'GroundMissing'
}

export interface Ground {
  program: Program
  budget: string
  track: string
  manifest: string
  frozen: string
  dataDir: string
  /** Class of the GPUs that agents train on; absent: on cores. */
  gpu?: string
  /** Files of the data set with their sha256, the manifest among them. */
  dataFiles: { name: string; sha256: string }[]
}

/** The second held-out text; data sets made before there was one lack it. */
export const HIDDEN = 'hidden.bin'

const Files = z.object({ files: z.record(z.string().regex(/^[\w.-]+$/), z.object({ sha256: Sha256 })) })

export function readGround(options: {
  program: Program
  data: string
  checkout: string
  budget?: string
  /** Class of the GPUs that agents train on; absent: on cores, those of this processor. */
  gpu?: string
}): Ground {
  const { program } = options
  const asked = Budget.safeParse(options.budget ?? program.budget)
  if (!asked.success) throw new GroundMissing(`--budget ${options.budget}: ${asked.error.issues[0]?.message}`)
  const budget = asked.data
  const manifestFile = path.join(options.data, 'manifest.json')
  const bytes = read(
    manifestFile,
    `there is no data set in ${options.data}; make one with: swarm prepare --data ${options.data}`,
  )
  const manifest = createHash('sha256').update(bytes).digest('hex')
  const trainer = path.dirname(program.editable.replace(/\/+$/, ''))
  const frozenFile = path.join(options.checkout, trainer, 'build', 'frozen.sha256')
  const frozen = read(
    frozenFile,
    `the trainer is not built; build it with: make -C ${path.join(options.checkout, trainer)}`,
  )
    .toString()
    .trim()
  if (!Sha256.safeParse(frozen).success)
    throw new GroundMissing(
      `${frozenFile} holds no hash; build the trainer again: make -C ${path.join(options.checkout, trainer)} clean all`,
    )
  const listed = Files.safeParse(JSON.parse(bytes.toString()))
  if (!listed.success)
    throw new GroundMissing(
      `${manifestFile} lists no files; make the data set again: swarm prepare --data ${options.data} --force`,
    )
  const dataFiles = Object.entries(listed.data.files).map(([name, { sha256 }]) => ({ name, sha256 }))
  return {
    program,
    budget,
    manifest,
    frozen,
    dataDir: options.data,
    ...(options.gpu === undefined ? {} : { gpu: options.gpu }),
    track: trackOf({
      manifest,
      frozen,
      budget,
      machine: machineClass(budget, { cpu: cpus()[0]?.model ?? 'unknown', gpu: options.gpu }),
      scale: program.scale,
    }),
    dataFiles: [...dataFiles, { name: 'manifest.json', sha256: manifest }],
  }
}

function read(file: string, otherwise: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new GroundMissing(
      `${otherwise} (${file}: ${(cause as NodeJS.ErrnoException).code ?? (cause as Error).message})`,
      { cause },
    )
  }
}

/** The program as a fact, when it is not the one in force already. */
export function adoption(board: Board, g: Ground): FactToWrite | undefined {
  const { program, budget, track, manifest, frozen } = g
  const last = board.programs.get(board.programs.size)
  const inForce =
    last === undefined ? '' : JSON.stringify([last.program, last.budget, last.track, last.manifest, last.frozen])
  return inForce === JSON.stringify([program, budget, track, manifest, frozen])
    ? undefined
    : { type: 'program-adopted', n: board.programs.size + 1, program, budget, track, manifest, frozen }
}
