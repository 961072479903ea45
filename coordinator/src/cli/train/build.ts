// One experiment compiled against the frozen parts, through a cache by content: an unchanged source is not compiled again.
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs'
import path from 'node:path'
import { run } from '@swarm/shared/exec'
import type { Scale } from '@swarm/shared/scale'
import { scaleOfMake, nvccEnv } from '@swarm/shared/trainer'
import { Failed } from '../failure.ts'

const KEPT = 20

export interface Built {
  binary: string
  seconds: number
  cached: boolean
}

/** `native`: trainer-native of a checkout, its frozen parts made. The key holds all that a binary depends on but the compiler's version, on which no bit depends. */
export async function buildExperiment(file: string, native: string, cache: string, scale: Scale): Promise<Built> {
  const began = performance.now()
  const since = (): number => (performance.now() - began) / 1000
  const compiler = process.env.CXX ?? 'g++'
  const key = createHash('sha256')
    .update(readFileSync(path.join(native, 'build', 'frozen.sha256')))
    .update(`${[compiler, ...scaleOfMake(scale)].join('\n')}\n`)
    .update(readFileSync(file))
    .digest('hex')
  const folder = path.join(cache, key)
  const binary = path.join(folder, 'train')
  if (existsSync(binary)) {
    utimesSync(folder, new Date(), new Date())
    return { binary, seconds: since(), cached: true }
  }
  const draft = path.join(cache, `draft-${randomUUID()}`)
  mkdirSync(draft, { recursive: true })
  try {
    const made = await run(
      'make',
      ['-C', native, 'trainer', `EXPERIMENT=${file}`, `OUT=${path.join(draft, 'train')}`, ...scaleOfMake(scale)],
      {
        timeoutMs: 10 * 60_000,
        env: { ...nvccEnv(), ...(process.env.CXX === undefined ? {} : { CXX: compiler }) },
      },
    )
    if (made.code !== 0)
      throw new Failed(`${file} does not compile:\n${made.output.trim().split('\n').slice(-20).join('\n')}`)
    if (!existsSync(folder)) renameSync(draft, folder)
  } finally {
    rmSync(draft, { recursive: true, force: true })
  }
  forgetOldest(cache)
  return { binary, seconds: since(), cached: false }
}

function forgetOldest(cache: string): void {
  const used = (name: string): number => statSync(path.join(cache, name)).mtimeMs
  const names = readdirSync(cache).filter((name) => /^[0-9a-f]{64}$/.test(name))
  for (const name of names.sort((a, b) => used(b) - used(a)).slice(KEPT))
    rmSync(path.join(cache, name), { recursive: true, force: true })
}
