// With the director off, agents that read propose for themselves. This knows which of them may still have an idea.
import type { Coordinator } from '../coordinator.ts'
import { reads } from '@swarm/shared/researcher'
import type { Purse } from '../purse/purse.ts'
import { Patience } from './patience.ts'

export class Proposers {
  readonly #patience = new Map<string, Patience>()

  constructor(
    private readonly c: Coordinator,
    private readonly purse: Purse,
  ) {}

  /** An agent looked at the board: unless something comes of it, a try in vain. */
  looks(agent: string): void {
    this.#of(agent).barren()
  }

  proposed(agent: string): void {
    this.#of(agent).fruitful()
  }

  /** May one of them still come up with something? Before anybody has joined, those who were asked for may. */
  get more(): boolean {
    const here = this.c.roster.present().filter(({ researcher }) => reads(researcher))
    if (here.length === 0) return this.c.readers > 0
    return here.some(({ agent, researcher }) => {
      const gone = researcher === undefined ? undefined : this.purse.exhausted(researcher.name)
      return gone === undefined && !this.#of(agent).spent
    })
  }

  #of(agent: string): Patience {
    const patience = this.#patience.get(agent) ?? new Patience(() => this.c.board.findings.size)
    this.#patience.set(agent, patience)
    return patience
  }
}
