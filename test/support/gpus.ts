// GPUs that are files: the fake nvidia-smi on a PATH of its own.
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const FAKE = fileURLToPath(new URL('./fake-nvidia-smi/nvidia-smi', import.meta.url))

export interface Gpus {
  /** With the fake in front. */
  path: string
  /** What a GPU does from now on: MiB used, percent, watts, degrees. */
  does(index: number, used: number, busy: number, watts: number, celsius: number): void
  hangs(index: number, hangs?: boolean): void
  isLost(index: number): void
  /** Answers nvidia-smi as before, but trainers on it end with exit code 7. */
  isBroken(index: number): void
}

export function makeGpus(dir: string, count: number): Gpus {
  const bin = join(dir, 'bin')
  const folder = join(bin, 'gpus')
  mkdirSync(folder, { recursive: true })
  cpSync(FAKE, join(bin, 'nvidia-smi'))
  const gpus: Gpus = {
    path: `${bin}:${process.env.PATH ?? ''}`,
    does: (index, ...use) => writeFileSync(join(folder, String(index)), `${use.join(' ')}\n`),
    hangs: (index, hangs = true) => {
      if (hangs) writeFileSync(join(folder, `${index}.hang`), '')
      else rmSync(join(folder, `${index}.hang`), { force: true })
    },
    isLost: (index) => writeFileSync(join(folder, `${index}.lost`), ''),
    isBroken: (index) => writeFileSync(join(folder, `${index}.broken`), ''),
  }
  for (let i = 0; i < count; i++) gpus.does(i, 4, 0, 75 + i, 30)
  return gpus
}
