// When whoever proposes has nothing more: three tries in a row without anything new. A finding since then is worth one more try.
const TRIES = 3

export class Patience {
  #inVain = 0
  #since = -1

  /** `findings`: how many there are now. */
  constructor(private readonly findings: () => number) {}

  get spent(): boolean {
    return this.#inVain >= TRIES && this.findings() === this.#since
  }

  barren(): void {
    this.#inVain = Math.min(TRIES, this.#inVain + 1)
    this.#since = this.findings()
  }

  fruitful(): void {
    this.#inVain = 0
  }
}
