// One line that moves on a terminal; elsewhere a line every five seconds.
import { z } from 'zod'

const Progress = z.object({
  step: z.number(),
  steps: z.number().nullable(),
  loss: z.number().nullable(),
  progress: z.number(),
  seconds: z.number(),
})

export class ProgressLine {
  #last = 0
  #open = false

  constructor(readonly out: NodeJS.WriteStream) {}

  /** false: not a progress line. */
  see(line: string): boolean {
    let json: unknown
    try {
      json = JSON.parse(line)
    } catch {
      return false
    }
    const parsed = Progress.safeParse(json)
    if (!parsed.success) return false
    const { step, steps, loss, progress, seconds } = parsed.data
    const now = Date.now()
    if (now - this.#last < (this.out.isTTY ? 100 : 5_000)) return true
    this.#last = now
    const left = progress > 0.01 ? `, ${Math.max(0, seconds / progress - seconds).toFixed(0)} s left` : ''
    const text = `step ${step}${steps === null ? '' : `/${steps}`}  ${(100 * progress).toFixed(1)}%  loss ${loss?.toFixed(4) ?? '-'}  ${seconds.toFixed(1)} s${left}`
    if (this.out.isTTY) {
      this.out.write(`\r${text.padEnd(78)}`)
      this.#open = true
    } else this.out.write(`${text}\n`)
    return true
  }

  end(): void {
    if (this.#open) this.out.write('\n')
    this.#open = false
  }
}
