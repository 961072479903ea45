// Who is compared with whom on the screen: an experiment with its own base on the same seed. A promoted diff's runs are the new base's runs,
// since the tree is the same (docs/decisions/0004).
export interface Scored {
  id: string
  kind: 'baseline' | 'screen' | 'repeat'
  hypothesis?: string
  base: string
  seed: number
  /** The held-out text; absent: the first. */
  split?: string
  valBpb?: number
}

export class Scores {
  /** `track commit seed text` → score of that commit itself. */
  readonly #ofBase = new Map<string, number>()
  readonly #waiting = new Map<string, Scored[]>()
  readonly #changed: Scored[] = []
  #seeds: readonly number[] = []
  #track = ''

  /** From here on runs belong to this track; numbers of another are not compared with them. */
  adopt(track: string, seeds: readonly number[]): void {
    this.#track = track
    this.#seeds = seeds
  }

  get track(): string {
    return this.#track
  }

  #key(commit: string, seed: number, split = 'val'): string {
    return `${this.#track} ${commit} ${seed} ${split}`
  }

  /** Mean over the program's seeds of a commit on this track; undefined until all are measured. */
  meanOf(commit: string): number | undefined {
    const found = this.#seeds.flatMap((seed) => this.#ofBase.get(this.#key(commit, seed)) ?? [])
    return found.length === 0 || found.length < this.#seeds.length
      ? undefined
      : found.reduce((a, b) => a + b, 0) / found.length
  }

  /** Takes a recorded experiment; gives back the gains that can be told now, by experiment. */
  see(row: Scored): [string, number][] {
    const score = row.valBpb
    if (score === undefined) return []
    const key = this.#key(row.base, row.seed, row.split)
    if (row.kind === 'baseline') {
      this.#ofBase.set(key, score)
      const waited = this.#waiting.get(key) ?? []
      this.#waiting.delete(key)
      return waited.map((w) => [w.id, score - (w.valBpb as number)])
    }
    this.#changed.push(row)
    const base = this.#ofBase.get(key)
    if (base !== undefined) return [[row.id, base - score]]
    this.#waiting.set(key, [...(this.#waiting.get(key) ?? []), row])
    return []
  }

  promote(hypothesis: string, previous: string, commit: string): void {
    for (const row of this.#changed)
      if (row.hypothesis === hypothesis && row.base === previous && row.valBpb !== undefined)
        this.#ofBase.set(this.#key(commit, row.seed, row.split), row.valBpb)
  }
}
