// Pairs: a run beside its base, on the same seed and the same text.
import type { Pair } from '@swarm/shared/finding'
import type { ExperimentRecord } from '../board/schema.ts'
import { controlOf } from './controls.ts'
import type { Situation } from './situation.ts'

/** A measured run beside its base on the same seed. */
export function pairOf(s: Situation, e: ExperimentRecord): Pair | 'waiting' | { cause: string } {
  const control = controlOf(s, e.experiment)
  if (control.state === 'failed')
    return { cause: `its base has no score on seed ${e.experiment.seed}: ${control.cause}` }
  const valBpb = e.result?.measurement?.valBpb
  if (control.state !== 'known' || valBpb === undefined) return 'waiting'
  return {
    seed: e.experiment.seed,
    experiment: e.experiment.id,
    control: control.experiment,
    valBpb,
    baseBpb: control.valBpb,
    gain: control.valBpb - valBpb,
  }
}
