// Who rests, as people last said it: a word for all outdoes the words for one before it, and the other way round.
import type { FactOf } from '@swarm/shared/event'

export class Rests {
  #all = false
  readonly #one = new Map<string, boolean>()

  see({ agent, paused }: FactOf<'agent-paused'>): void {
    if (agent !== 'all') return void this.#one.set(agent, paused)
    this.clear()
    this.#all = paused
  }

  /** A new run: everybody goes on. */
  clear(): void {
    this.#all = false
    this.#one.clear()
  }

  of(agent: string): boolean {
    return this.#one.get(agent) ?? this.#all
  }
}
