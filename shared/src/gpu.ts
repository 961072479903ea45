// GPUs as `nvidia-smi` tells of them: who there is, and one streamed process for what each does. It can hang itself, so every question
// to it has a time limit, and silence is an answer.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { type Child, describeEnd, run, start } from './exec.ts'

const FIELDS = [
  'index',
  'name',
  'memory.total',
  'memory.used',
  'utilization.gpu',
  'power.draw',
  'temperature.gpu',
  'driver_version',
] as const
const QUERY = [`--query-gpu=${FIELDS.join(',')}`, '--format=csv,noheader,nounits']
const QUESTION_MS = 10_000
/** No reading for this long: the driver hangs, or the GPU has fallen off the bus. */
const SILENT_MS = 15_000

/** What a GPU does now. A card may keep some of it to itself ("[N/A]"). */
export const GpuUse = z.strictObject({
  /** MiB. */
  used: z.number().nonnegative().optional(),
  /** Percent. */
  busy: z.number().min(0).max(100).optional(),
  watts: z.number().nonnegative().optional(),
  celsius: z.number().optional(),
})
export type GpuUse = z.infer<typeof GpuUse>

export interface Gpu extends GpuUse {
  index: number
  name: string
  /** MiB. */
  memory: number
  driver: string
}

/** One line of the query; undefined for anything else, such as an error in words. */
export function readGpu(line: string): Gpu | undefined {
  const cells = line.split(',').map((cell) => cell.trim())
  const [index = '', name = '', memory = '', used = '', busy = '', watts = '', celsius = '', driver = ''] = cells
  if (cells.length !== FIELDS.length || !/^\d+$/.test(index) || !/^\d+$/.test(memory)) return undefined
  const told = Object.entries({ used, busy, watts, celsius }).filter(([, text]) => /^\d+(\.\d+)?$/.test(text))
  const use = Object.fromEntries(told.map(([key, text]) => [key, Number(text)]))
  return { index: Number(index), name, memory: Number(memory), driver, ...use }
}

/** Every GPU of this machine; where there is none, nvidia-smi's own words for it, or undefined where it is not there at all. */
export async function lookForGpus(): Promise<{ gpus: Gpu[]; words: string | undefined }> {
  const folders = (process.env.PATH ?? '').split(':')
  if (!folders.some((folder) => existsSync(join(folder, 'nvidia-smi')))) return { gpus: [], words: undefined }
  try {
    const { code, stdout, output, end } = await run('nvidia-smi', QUERY, { timeoutMs: QUESTION_MS })
    const gpus = code === 0 ? stdout.split('\n').flatMap((line) => readGpu(line) ?? []) : []
    return { gpus, words: output.trim().split('\n')[0]?.slice(0, 200) || describeEnd(end) }
  } catch (error) {
    return { gpus: [], words: (error as Error).message }
  }
}

/** None where there is no nvidia-smi or it does not answer in time. */
export const listGpus = async (): Promise<Gpu[]> => (await lookForGpus()).gpus

/** The CUDA version the driver speaks; undefined where it does not say. */
export async function cudaMajor(): Promise<string | undefined> {
  try {
    const { stdout } = await run('nvidia-smi', [], { timeoutMs: QUESTION_MS })
    return /CUDA Version:\s*(\d+)/.exec(stdout)?.[1]
  } catch {
    return undefined
  }
}

/** What a score under a budget of time depends on: same words, comparable results. */
export async function gpuClass(gpu: Gpu): Promise<string> {
  const cuda = await cudaMajor()
  return `${gpu.name}, ${gpu.memory} MiB, driver ${gpu.driver.split('.')[0]}${cuda === undefined ? '' : `, CUDA ${cuda}`}`
}

/** Follows one GPU once a second until `signal`. */
export class GpuWatch {
  #last: Gpu | undefined
  #heard = performance.now()
  readonly #readers = new Set<() => void>()
  readonly #child: Child
  readonly #timer: NodeJS.Timeout

  /** `sick` is called once, with why, when the GPU says nothing any more or says that it is lost. */
  constructor(
    readonly index: number,
    private readonly sick: (why: string) => void,
    silentMs = SILENT_MS,
  ) {
    this.#child = start('nvidia-smi', ['-i', String(index), ...QUERY, '-lms', '1000'], { keepOutput: false })
    void this.#follow()
    this.#timer = setInterval(() => {
      if (performance.now() - this.#heard > silentMs) this.fail(`no reading for ${Math.round(silentMs / 1000)} s`)
    }, 250)
  }

  async #follow(): Promise<void> {
    let words = ''
    try {
      for await (const line of this.#child.lines()) {
        const gpu = readGpu(line)
        if (gpu === undefined) {
          words = line.trim() || words
          if (/lost|fallen off the bus|unable to determine/i.test(words)) return this.fail(words)
          continue
        }
        this.#last = gpu
        this.#heard = performance.now()
        for (const read of this.#readers) read()
      }
    } catch {
      /* the pipe broke: it has ended */
    }
    await this.#child.ended
    this.fail(words === '' ? 'nvidia-smi ended' : `nvidia-smi ended: ${words}`)
  }

  /** Marks it sick: nothing more is begun on it. */
  fail(why: string): void {
    if (this.#stopped) return
    this.stop()
    this.sick(`gpu ${this.index} is sick: ${why.slice(0, 200)}`)
  }

  #stopped = false
  stop(): void {
    this.#stopped = true
    clearInterval(this.#timer)
    void this.#child.stop(500)
  }

  get use(): GpuUse | undefined {
    if (this.#last === undefined) return undefined
    const { used, busy, watts, celsius } = this.#last
    return Object.fromEntries(Object.entries({ used, busy, watts, celsius }).filter(([, v]) => v !== undefined))
  }

  /** Waits for a reading, from now on, with no more than `mostMiB` in use; false when there is none in time. */
  empty(mostMiB: number, withinMs: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (is: boolean): void => {
        clearTimeout(timer)
        this.#readers.delete(read)
        signal.removeEventListener('abort', give)
        resolve(is)
      }
      const give = (): void => done(false)
      const read = (): void => {
        if ((this.#last?.used ?? 0) <= mostMiB) done(true)
      }
      const timer = setTimeout(give, withinMs)
      if (signal.aborted) return give()
      signal.addEventListener('abort', give, { once: true })
      this.#readers.add(read)
    })
  }
}
