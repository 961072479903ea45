// What a swarm needs on this machine before it can start: the trainer's frozen parts and a data set. Made when missing.
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { run } from '@swarm/shared/exec'
import { nvccEnv } from '@swarm/shared/trainer'
import { Failed } from '../failure.ts'

/** `make` says by itself when there is nothing to do (about 0.1 s). */
export async function makeTrainer(checkout: string, note: (line: string) => void): Promise<void> {
  const folder = path.join(checkout, 'trainer-native')
  if (!existsSync(path.join(folder, 'Makefile')))
    throw new Failed(`there is no trainer in ${folder}. Is ${checkout} a checkout of this repository?`)
  const started = Date.now()
  const told = setTimeout(() => note(`building the trainer in ${folder}`), 1_000)
  let made: { code: number; output: string }
  try {
    made = await run('make', ['-C', folder, `-j${Math.min(8, availableParallelism())}`], {
      timeoutMs: 15 * 60_000,
      env: { ...nvccEnv(), ...(process.env.CXX === undefined ? {} : { CXX: process.env.CXX }) },
    })
  } catch (cause) {
    throw new Failed('make is missing. Install it (Debian: apt-get install make g++), then try again.', undefined, {
      cause,
    })
  } finally {
    clearTimeout(told)
  }
  if (made.code !== 0)
    throw new Failed(
      `the trainer does not build (make -C ${folder}). Its last lines:\n${made.output.trim().split('\n').slice(-12).join('\n')}`,
    )
  if (Date.now() - started > 1_000) note(`trainer built in ${((Date.now() - started) / 1000).toFixed(1)} s`)
}

/** Only the default data set is made here; a folder somebody named has to be there. */
export async function makeData(dir: string, isDefault: boolean, note: (line: string) => void): Promise<void> {
  if (existsSync(path.join(dir, 'manifest.json'))) return
  if (!isDefault) throw new Failed(`there is no data set in ${dir}. Make one there with: swarm prepare --data ${dir}`)
  note(`preparing the default data set in ${dir}`)
  const { prepare } = await import('../../data/prepare.ts')
  const made = await prepare({ dir, say: note })
  note(`data set ready in ${made.seconds.toFixed(1)} s`)
}
