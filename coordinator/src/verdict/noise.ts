// Noise: the sd of val_bpb over seeds, for one recipe on one track.

/** Degrees of freedom the stated noise of program.md counts for, beside this swarm's own baselines. */
export const STATED_DEGREES = 8

export function mean(values: readonly number[]): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length
}

/**
 * Pooled estimate of σ from the stated σ₀ and the baselines x₁…xₖ of this swarm:
 *   σ² = (8·σ₀² + Σ(xᵢ − x̄)²) / (8 + k − 1)
 * The stated value comes from more seeds than a swarm would spend on its own baselines, so three baselines move it by little;
 * a machine or text that is truly noisier still raises it.
 */
export function pooledNoise(stated: number, baselines: readonly number[]): number {
  if (baselines.length < 2) return stated
  const centre = mean(baselines)
  const squares = baselines.reduce((sum, v) => sum + (v - centre) ** 2, 0)
  return Math.sqrt((STATED_DEGREES * stated ** 2 + squares) / (STATED_DEGREES + baselines.length - 1))
}
