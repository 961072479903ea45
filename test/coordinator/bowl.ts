// A recipe that trains nothing: its score is a smooth bowl over the knobs plus noise hashed from source and seed.
import { createHash } from 'node:crypto'
import { type Knob, readKnobs } from '@swarm/shared/knobs'

export const RECIPE = `// The recipe of these tests: knobs only.

// Learning rate of the matrices. range 0.005..0.5 log
constexpr float MUON_LR = 0.08f;
// Learning rate of the token embedding. range 0.02..2 log
constexpr float EMBED_LR = 0.2f;
// Weight decay of the matrices. range 0.01..1 log
constexpr float WEIGHT_DECAY = 0.2f;
// Share of the budget in which rates fall. range 0.1..0.9 linear
constexpr float WARMDOWN = 0.3f;
// Sequences a step. range 2..64 pow2
constexpr int ROWS = 16;
// Layers. range 2..8 int
constexpr int DEPTH = 4;
// Which layers see a short window only. choices SSSL|SL|L
constexpr char WINDOWS[] = "SSSL";
// Warm the momentum up. choices true|false
constexpr bool MOMENTUM_WARMUP = true;
`

/** Best value of each knob and what a factor of two away from it costs, bits per byte. */
const BOWL: Record<string, [best: number, weight: number]> = {
  MUON_LR: [0.03, 0.012],
  EMBED_LR: [0.5, 0.008],
  WEIGHT_DECAY: [0.1, 0.004],
  WARMDOWN: [0.6, 0.01],
  ROWS: [8, 0.02],
  DEPTH: [6, 0.02],
}
export const NOISE = 0.003

/** Uniform in 0..1 from text. */
export function hashed(text: string): number {
  return createHash('sha256').update(text).digest().readUIntBE(0, 6) / 2 ** 48
}

/** Standard normal from text (Box and Muller). */
export function normal(text: string): number {
  return Math.sqrt(-2 * Math.log(hashed(`${text} u`) + 1e-15)) * Math.cos(2 * Math.PI * hashed(`${text} v`))
}

export function bowl(knobs: readonly Knob[]): number {
  return knobs.reduce((sum, k) => {
    const [best, weight] = BOWL[k.name] ?? [1, 0]
    return weight === 0 ? sum : sum + weight * Math.log2(Number(k.value) / best) ** 2
  }, 1.6)
}

export function score(source: string, seed: number): number {
  return bowl(readKnobs(source)) + NOISE * normal(`${source} ${seed}`)
}
