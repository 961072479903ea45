// program.md while the swarm runs: what a person changes in it holds from the next hypothesis on, unless results before and after
// could then not be compared.
import { readFileSync, statSync } from 'node:fs'
import { atScale, type Program } from '@swarm/shared/program'
import type { Scale } from '@swarm/shared/scale'
import { parseProgram } from '@swarm/shared/settings'
import { GroundMissing } from './ground.ts'

/** What says which results stand side by side: the track, and the seeds they are compared on. */
const FIXED = ['task', 'metric', 'direction', 'editable', 'scale', 'budget', 'seeds'] as const

/** An editor may write in several goes. */
const WRITING_MS = 300

export type Change = { adopt: Program } | { refused: string }

export class Brief {
  #seen = ''

  /** `budget`, `scale`: given on the command line; what the file says of them counts for nothing. */
  constructor(
    private readonly file: string,
    private readonly budget: string | undefined,
    private readonly scale: Scale | undefined,
  ) {}

  /** The program as it stands there now, for a swarm that starts. */
  read(): Program {
    this.#seen = this.#stamp()
    try {
      return atScale(parseProgram(readFileSync(this.file, 'utf8')), this.scale)
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      if (code === undefined) throw cause
      const what = 'program.md is missing; write one or point to it with --program FILE'
      throw new GroundMissing(`${what} (${this.file}: ${code})`, { cause })
    }
  }

  /** Has somebody written it since the last look? Not while it is being written. */
  isNew(): boolean {
    const stamp = this.#stamp()
    const age = Date.now() - Number(stamp.split(' ')[0])
    return stamp !== this.#seen && !(age >= 0 && age < WRITING_MS)
  }

  /** What somebody has made of it since the last look; undefined when nothing that is new to the swarm. */
  look(inForce: Program): Change | undefined {
    if (!this.isNew()) return undefined
    let program: Program
    try {
      program = this.read()
    } catch (error) {
      return { refused: `${(error as Error).message}. The program before holds` }
    }
    const other = FIXED.filter((key) => key !== 'budget' || this.budget === undefined).find(
      (key) => JSON.stringify(program[key]) !== JSON.stringify(inForce[key]),
    )
    if (other !== undefined)
      return {
        refused: `program.md: another ${other} (${String(program[other])} instead of ${String(inForce[other])}) would make results that cannot be compared with those so far; it waits for the next "swarm up", and so does the rest of the file`,
      }
    return JSON.stringify(program) === JSON.stringify(inForce) ? undefined : { adopt: program }
  }

  /** Changes whenever somebody writes the file. */
  #stamp(): string {
    try {
      const { mtimeMs, size, ino } = statSync(this.file)
      return `${mtimeMs} ${size} ${ino}`
    } catch {
      return 'gone'
    }
  }
}
