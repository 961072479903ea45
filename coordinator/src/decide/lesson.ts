// The lesson of a finding: one sentence a person and a researcher can act on.
import { cleaned } from '@swarm/shared/quoted'
import type { Finding } from '@swarm/shared/finding'

const signed = (gain: number): string => `${gain >= 0 ? '+' : '−'}${Math.abs(gain).toFixed(4)}`

/** Longest lesson of a finding, characters. */
const MOST = 2_000

/** Our sentence of numbers first, then the author's paragraph: words of a model, cleaned and cut. */
export function withAuthors(ours: string, theirs: string | undefined): string {
  const room = MOST - ours.length - 1
  const said = theirs === undefined || room < 2 ? '' : cleaned(theirs, room)
  return said === '' ? ours : `${ours} ${said}`
}

export function lesson(
  title: string,
  came: Pick<Finding, 'verdict' | 'outcome' | 'pairs'> & { gain?: number; cause?: string },
  noise: number,
): string {
  const [screened, ...fresh] = came.pairs
  const gain = came.gain ?? 0
  const seeds = fresh.map((p) => p.seed).join(', ')
  switch (came.verdict) {
    case 'confirmed':
      return `${title}: confirmed, ${signed(gain)} bpb on fresh seed ${seeds} (screen ${signed(screened?.gain ?? 0)}, noise ${noise.toFixed(4)}).`
    case 'refuted':
      return `${title}: worse by ${Math.abs(gain).toFixed(4)} bpb${fresh.length > 0 ? ` on fresh seed ${seeds}` : ''}, more than noise (${noise.toFixed(4)}).`
    case 'within-noise':
      return fresh.length > 0
        ? `${title}: the screen's ${signed(screened?.gain ?? 0)} bpb did not come back on fresh seed ${seeds} (${signed(gain)}, noise ${noise.toFixed(4)}).`
        : `${title}: ${signed(gain)} bpb is within noise (${noise.toFixed(4)}).`
    case 'failed':
      return `${title}: ${came.outcome}${came.cause === undefined ? '' : `, ${came.cause.slice(0, 1500)}`}.`
  }
}
