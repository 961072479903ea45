// The director: while the swarm runs, it keeps the lanes of those who read supplied with hypotheses. It thinks beside the coordinator's
// turns and takes one only to write. What it has thought is on disk before it is written: killed in between, it is written afterwards,
// and what was written already is refused as a repeat.
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { isSentence, Proposal } from '@swarm/shared/hypothesis'
import type { Model } from '@swarm/shared/model/model'
import { cleaned, freshTag } from '@swarm/shared/quoted'
import { isOpen } from '../board/steering.ts'
import { currentBest } from '../board/value.ts'
import type { Coordinator } from '../coordinator.ts'
import { OPEN_PER_AGENT } from '../decide/queue.ts'
import { sourceAt } from '../hub.ts'
import { admit } from './admit.ts'
import { digest } from './digest.ts'
import { Patience } from './patience.ts'
import { think } from './think.ts'

/** Hypotheses of one thought. */
const AT_ONCE = 6
const LOOK_MS = 300
const FIRST_REST_MS = 5_000
const MOST_REST_MS = 300_000

const Thoughts = z.array(Proposal)

export class Director {
  readonly #tag = freshTag()
  readonly #patience: Patience
  readonly #file: string
  /** Why it asks no more; undefined while it does. */
  #over: string | undefined

  constructor(
    private readonly c: Coordinator,
    private readonly model: Model,
    home: string,
  ) {
    this.#file = path.join(home, 'director.json')
    this.#patience = new Patience(() => c.board.findings.size)
  }

  /** May it still come up with something? */
  get more(): boolean {
    return this.#over === undefined && !this.#patience.spent
  }

  /** Until the signal fires or there is nothing more to ask. Rejects only for a defect or an outage of the hub. */
  async work(signal: AbortSignal): Promise<void> {
    await this.#write(this.#remembered())
    let rest = FIRST_REST_MS
    while (!signal.aborted && this.#over === undefined) {
      const count = this.more ? Math.min(AT_ONCE, this.#missing()) : 0
      if (count <= 0) {
        await sleep(LOOK_MS, undefined, { signal }).catch(() => {})
        continue
      }
      const thought = await this.#think(count, signal)
      if (signal.aborted) return
      if ('none' in thought) {
        this.c.log(`director: ${thought.none}: ${thought.why}`)
        if (thought.none === 'unparsed') this.#patience.barren()
        else if (thought.none === 'unavailable') {
          await sleep(rest, undefined, { signal }).catch(() => {})
          rest = Math.min(MOST_REST_MS, rest * 2)
        } else this.#over = thought.why
      } else {
        rest = FIRST_REST_MS
        for (const { title, why } of thought.dropped)
          this.c.log(`director: dropped "${cleaned(title, 200)}": ${cleaned(why, 300)}`)
        this.#remember(thought.proposals)
        if (await this.#write(thought.proposals)) this.#patience.fruitful()
        else this.#patience.barren()
      }
      if (!this.more) await this.c.turn(() => this.c.settle(true))
    }
  }

  async #think(count: number, signal: AbortSignal): ReturnType<typeof think> {
    const { board, program, hub } = this.c
    const commit = currentBest(board)?.best.commit as string
    const recipe = await sourceAt(hub, commit, program.program.editable)
    const seen = { tag: this.#tag, program: program.program, recipe, digest: digest(board), count }
    return think(this.model, seen, signal)
  }

  /** Sentences that lanes of readers could take and nobody has thought of yet. */
  #missing(): number {
    const { board, run, finished } = this.c
    if (finished !== undefined || run.reached !== undefined) return 0
    const open = [...board.hypotheses.values()].filter((h) => isOpen(h) && isSentence(h.hypothesis))
    const all = [...board.experiments.values()]
    const left =
      run.experiments === undefined
        ? Infinity
        : run.experiments -
          all.filter((e) => (e.recorded?.seq ?? 0) > run.seq).length -
          all.filter((e) => e.result === undefined && e.experiment.track === this.c.program.track).length
    return Math.min(left, OPEN_PER_AGENT * this.c.lanes().reading - open.length)
  }

  /** True when something of it was new. */
  #write(proposals: readonly Proposal[]): Promise<boolean> {
    return this.c.turn(async () => {
      const { hypotheses, notTaken } = admit(this.c.board, proposals, { origin: 'model', by: 'director' })
      for (const { title, why } of notTaken) this.c.log(`director: not taken "${title}": ${why}`)
      for (const hypothesis of hypotheses) await this.c.write({ type: 'hypothesis-proposed', hypothesis })
      rmSync(this.#file, { force: true })
      await this.c.settle(false)
      return hypotheses.length > 0
    })
  }

  #remember(proposals: readonly Proposal[]): void {
    writeFileSync(`${this.#file}.new`, JSON.stringify(proposals), { mode: 0o600 })
    renameSync(`${this.#file}.new`, this.#file)
  }

  #remembered(): Proposal[] {
    try {
      return Thoughts.parse(JSON.parse(readFileSync(this.#file, 'utf8')))
    } catch {
      return [] // none, or of another version: then it thinks again
    }
  }
}
