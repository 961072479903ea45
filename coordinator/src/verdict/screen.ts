// The screen: one run on the first seed beside the base on that seed. It only chooses what is worth a repeat; it confirms nothing.

export type Screened = 'promising' | 'refuted' | 'within-noise'

/**
 * gain = base − changed, on the same seed. promising when gain ≥ t·σ, refuted when gain ≤ −t·σ.
 *
 * For a worthless change both runs have sd σ and, at worst, nothing in common, so the gain has sd σ√2 and the screen lets
 *   1 − Φ(t/√2)
 * of them through: 7.9% at t = 2. Pairing by seed makes the gain narrower and that rate smaller.
 */
export function screen(gain: number, noise: number, threshold: number): Screened {
  if (gain >= threshold * noise) return 'promising'
  return gain <= -threshold * noise ? 'refuted' : 'within-noise'
}

/** Share of worthless changes that pass screen and confirmation, at worst: (1 − Φ(t/√2)) · (1 − Φ(t·√(n/2))). */
export function falsePromotions(threshold: number, repeats: number): number {
  return above(threshold / Math.SQRT2) * above(threshold * Math.sqrt(repeats / 2))
}

/** 1 − Φ(z), by the complementary error function of Abramowitz & Stegun 7.1.26 (error below 1.5e-7). */
export function above(z: number): number {
  const x = Math.abs(z) / Math.SQRT2
  const t = 1 / (1 + 0.3275911 * x)
  const tail =
    0.5 *
    t *
    (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429)))) *
    Math.exp(-x * x)
  return z >= 0 ? tail : 1 - tail
}
