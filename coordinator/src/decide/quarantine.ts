// Quarantine: a result that is too good is run again, same diff and same seed, and scored on the second held-out text, beside its
// base there. What holds goes on as if nothing had been; what does not is suspected.
import type { Pair } from '@swarm/shared/finding'
import type { Result } from '@swarm/shared/result'
import type { ExperimentRecord, HypothesisRecord } from '../board/schema.ts'
import { doubt, holds } from '../verdict/doubt.ts'
import { failed, finding, otherAgent } from './findings.ts'
import { MAX_OUTAGES } from './controls.ts'
import { pairOf } from './pairs.ts'
import { plan, type Situation, type Step } from './situation.ts'

/** Nothing stands against the run (`hidden`: it was doubted, and held), or the steps that follow, none while it is waited for. */
export type Cleared = { hidden?: Pair } | { steps: Step[] }

export function quarantine(
  s: Situation,
  h: HypothesisRecord,
  own: readonly ExperimentRecord[],
  doubted: ExperimentRecord,
  pair: Pair,
): Cleared {
  const why = doubt(pair, s.worth.value, s.worth.noise)
  if (why === undefined) return {}
  const suspected = (cause: string, hidden?: Pair): Cleared => ({
    steps: [
      finding(s, h, doubted, {
        verdict: 'failed',
        outcome: 'cheat-suspected',
        pairs: [pair],
        cause: `${why}${cause}`,
        ...(hidden === undefined ? {} : { hidden }),
      }),
    ],
  })
  if (!s.hidden)
    return suspected(
      ', and this data set has no second held-out text to score it on; a data set made anew has one: swarm prepare --force',
    )
  const { base, seed, round } = doubted.experiment
  const { diff, agent, tree } = doubted.result as Result
  const probes = own.filter(
    ({ experiment: e }) => e.split === 'hidden' && e.base === base && e.seed === seed && e.round === round,
  )
  const probe = probes.findLast((e) => e.result?.outcome !== 'infra-failed')
  if (probe === undefined) {
    const last = probes.at(-1)
    if (last !== undefined && probes.length >= MAX_OUTAGES)
      return { steps: [failed(s, h, last, 'infra-failed', last.result?.cause)] }
    const again = {
      kind: 'repeat',
      hypothesis: h.hypothesis,
      base,
      seed,
      round,
      diff: { text: diff, base },
      split: 'hidden',
    } as const
    return { steps: [plan(s, again, 0, otherAgent(s, agent))] }
  }
  const { result } = probe
  if (result === undefined) return { steps: [] }
  if (result.outcome !== 'measured') return { steps: [failed(s, h, probe, result.outcome, result.cause)] }
  if (result.tree !== tree) return suspected(', and what was run to check it was another source')
  const hidden = pairOf(s, probe)
  if (hidden === 'waiting') return { steps: [] }
  if ('cause' in hidden) return { steps: [failed(s, h, probe, 'infra-failed', hidden.cause)] }
  if (holds(pair.gain, hidden.gain, s.worth.noise, s.program.program.threshold)) return { hidden }
  return suspected(
    `, but on the second held-out text it is ${hidden.gain.toFixed(4)} (${hidden.valBpb.toFixed(4)} against ${hidden.baseBpb.toFixed(4)})`,
    hidden,
  )
}
