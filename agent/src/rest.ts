// Rest: whether people have paused this agent. The ledger tells it, and the answer to a join tells how it stood then.
import type { FactOf } from '@swarm/shared/event'

interface Word {
  seq: number
  agent: string
  paused: boolean
}

export class Rest {
  #paused = false
  #name: string | undefined
  #words: Word[] = []
  readonly #changes = new Set<() => void>()

  get paused(): boolean {
    return this.#paused
  }

  /** Calls back whenever it begins or ends; until the given function is called. */
  onChange(change: () => void): () => void {
    this.#changes.add(change)
    return () => void this.#changes.delete(change)
  }

  hear(seq: number, { agent, paused }: FactOf<'agent-paused'>): void {
    this.#words.push({ seq, agent, paused })
    if (agent === this.#name || agent === 'all') this.#set(paused)
  }

  /** The answer to a join stands for everything up to the fact of it, at `seq`; what was heard after that counts. */
  told({ agent, paused }: { agent: string; paused?: boolean | undefined }, seq: number | undefined): void {
    this.#name = agent
    const later = this.#words.filter((w) => (w.agent === agent || w.agent === 'all') && w.seq > (seq ?? Infinity))
    this.#words = []
    this.#set(later.at(-1)?.paused ?? paused ?? false)
  }

  #set(paused: boolean): void {
    if (paused === this.#paused) return
    this.#paused = paused
    for (const change of this.#changes) change()
  }
}
