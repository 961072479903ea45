// Chance without state: a draw is a hash of the swarm's seed and of what it is for, so the same question always gets the same answer.
import { createHash } from 'node:crypto'

/** Uniform in 0..1. */
export function draw(seed: number, ...about: readonly (string | number)[]): number {
  return (
    createHash('sha256')
      .update([seed, ...about].join('\n'))
      .digest()
      .readUIntBE(0, 6) /
    2 ** 48
  )
}

/** The items in an order of their own for each seed. */
export function shuffled<T>(items: readonly T[], seed: number, name: (item: T) => string, about: string): T[] {
  return items
    .map((item) => ({ item, at: draw(seed, about, name(item)) }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
