// Where an agent keeps things, all of it under the home folder.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'

interface Held {
  experiment: { id: string }
  fence: number
}

export class Places {
  readonly worktrees: string
  /** Results not yet taken by the hub. */
  readonly outbox: string
  readonly runs: string
  /** One note a claim, see held.ts. */
  readonly held: string
  /** Built trainers by content, and fetched data sets; agents of one home share them. */
  readonly cache: string
  readonly data: string
  readonly log: string

  constructor(home: string, agent: string) {
    this.worktrees = join(home, 'worktrees', agent)
    this.outbox = join(home, 'outbox', agent)
    this.runs = join(home, 'runs', agent)
    this.held = join(home, 'held', agent)
    this.cache = join(home, 'cache')
    this.data = join(home, 'data')
    this.log = join(home, 'logs', `${agent}.log`)
  }

  #of({ experiment, fence }: Held): string {
    return join(this.runs, `${experiment.id}-${fence}`)
  }

  /** Folder of one part of an experiment. */
  run(held: Held, part: 'try' | 'preflight' | 'train' | 'judge'): string {
    return join(this.#of(held), part)
  }

  /** Removes what an experiment left behind; a full or stubborn disk is no reason to stop. */
  async clear(held: Held): Promise<void> {
    await rm(this.#of(held), { recursive: true, force: true }).catch(() => {})
  }
}
