// The confirmation: paired runs on fresh seeds, on what the change would be promoted onto.
import type { Pair, Verdict } from '@swarm/shared/finding'
import { mean } from './noise.ts'
import { screen } from './screen.ts'

/**
 * The mean gain over fresh-seed pairs decides alone; the screen's own gain, which chance has selected, has no vote.
 * confirmed when the mean is ≥ t·σ. For a worthless change the mean of n gains has sd σ√(2/n) at worst, so
 *   1 − Φ(t·√(n/2))
 * of those that passed the screen pass here: 7.9% at t = 2, n = 1, and 0.6% of all worthless changes pass both.
 * A true gain of 3σ with t = 2, n = 1 passes each step with 1 − Φ((2 − 3)/√2) = 76%, both with 58%.
 */
export function confirm(
  fresh: readonly Pair[],
  noise: number,
  threshold: number,
): { verdict: Exclude<Verdict, 'failed'>; gain: number } {
  const gain = mean(fresh.map((p) => p.gain))
  const came = screen(gain, noise, threshold)
  return { verdict: came === 'promising' ? 'confirmed' : came, gain }
}
