// Doubt: which results are too good to be taken at their word, and what has to come back on text nobody has chosen by
// (docs/decisions/0005).

/** Beyond this many noises a gain is not chance any more, but more often a leak than an idea. */
const FAR = 8

/** Why a score beside its base is doubted; undefined when it is not. `best`: what the best is worth, where that is known. */
export function doubt(
  { valBpb, gain }: { valBpb: number; gain: number },
  best: number | undefined,
  noise: number,
): string | undefined {
  if (best !== undefined && valBpb < best / 2)
    return `a score of ${valBpb.toFixed(4)} is less than half of the best (${best.toFixed(4)})`
  if (gain > FAR * noise) return `a gain of ${gain.toFixed(4)} is more than ${FAR} noises (${noise.toFixed(4)} each)`
  return undefined
}

/** A gain holds when at least half of it is there on the hidden text too, and no less than a screen asks for. */
export function holds(gain: number, hidden: number, noise: number, threshold: number): boolean {
  return hidden >= gain / 2 && hidden >= threshold * noise
}
