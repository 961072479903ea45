// The task as the command line has it: which program, at which scale, on which data set.
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { atScale } from '@swarm/shared/program'
import type { Scale } from '@swarm/shared/scale'
import { parseProgram } from '@swarm/shared/settings'
import { checkoutDir, stateDir } from '../../home.ts'
import { CLIMBMIX_VOCAB, defaultDir } from '../../data/settings.ts'
import { Failed } from '../failure.ts'

export interface Task {
  /** The program's file. */
  program: string
  scale: Scale
  budget: string
  data: string
  /** The data set is the one that is made when it is not there. */
  ours: boolean
}

export function taskOf(o: { program?: string; checkout: string; scale?: Scale; budget?: string; data: string }): Task {
  const named = o.program ?? path.join(o.checkout, 'program.md')
  const file = existsSync(named) ? named : path.join(checkoutDir(), 'program.md')
  const { scale, budget } = atScale(parseProgram(readFileSync(file, 'utf8')), o.scale)
  const usual = path.join(stateDir(), 'data', 'sotu-v1024')
  const task = { program: file, scale, budget: o.budget ?? budget, data: o.data, ours: o.data === usual }
  if (scale === 'cpu' || !task.ours) return task
  // Ten megabytes of speeches would be read a hundred times over in five minutes of a GPU.
  const large = defaultDir('climbmix', CLIMBMIX_VOCAB)
  if (existsSync(path.join(large, 'manifest.json'))) return { ...task, data: large, ours: false }
  throw new Failed(
    `the scale gpu needs more text than the default data set has: "swarm prepare --preset climbmix" fetches the reference's (into ${large}, found there from then on), or name a data set of yours with --data.`,
  )
}
