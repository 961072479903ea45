// Baselines: runs of a base itself. The first ones measure the recipe, the later ones stand beside a changed recipe on its seed.
import type { Experiment } from '@swarm/shared/experiment'
import type { ExperimentRecord } from '../board/schema.ts'
import { isOpen } from '../board/steering.ts'
import { liveExperiments, plan, type Situation, type Step } from './situation.ts'

export const MAX_OUTAGES = 3

export type Control =
  | { state: 'known'; experiment: string; valBpb: number }
  | { state: 'waiting' | 'missing' }
  | { state: 'failed'; cause: string }

type Place = Pick<Experiment, 'base' | 'seed' | 'split'>
const isAt =
  ({ base, seed, split }: Place) =>
  ({ experiment: e }: ExperimentRecord): boolean =>
    e.kind === 'baseline' && e.base === base && e.seed === seed && e.split === split

/** How the score of a base on a seed and a text stands. */
export function controlOf(s: Situation, place: Place): Control {
  const tree = s.worth.scores.treeAt(place.base)
  const score = tree === undefined ? undefined : s.worth.scores.of(tree, place.seed, place.split)
  if (score !== undefined) return { state: 'known', ...score }
  const runs = [...s.board.experiments.values()]
    .filter(isAt(place))
    .filter((e) => e.experiment.track === s.program.track)
  if (runs.some((e) => e.result === undefined)) return { state: 'waiting' }
  // What failed in an earlier run is forgiven: somebody may have mended what was broken.
  const recent = runs.filter((e) => (e.recorded?.seq ?? 0) > s.run.seq)
  const charged = recent.find((e) => e.result?.outcome !== 'infra-failed')?.result
  if (charged !== undefined) return { state: 'failed', cause: charged.cause ?? charged.outcome }
  const outages = recent.filter((e) => e.result?.outcome === 'infra-failed')
  return outages.length < MAX_OUTAGES
    ? { state: 'missing' }
    : {
        state: 'failed',
        cause: `could not be run ${MAX_OUTAGES} times: ${outages.at(-1)?.result?.cause ?? 'no cause was given'}`,
      }
}

/** The best's own baselines on the program's seeds. Without them nothing can be compared, so their failure ends the run. */
export function baselines(s: Situation): Step[] {
  const { commit, n } = s.worth.current.best
  const steps: Step[] = []
  for (const seed of s.worth.missing) {
    const control = controlOf(s, { base: commit, seed })
    if (control.state === 'failed')
      return [
        {
          do: 'finish',
          failed: true,
          reason: `the baseline (best ${n}, ${commit.slice(0, 10)}, seed ${seed}) did not get a score: ${control.cause}`,
        },
      ]
    if (control.state === 'missing')
      steps.push(
        plan(s, { kind: 'baseline', base: commit, seed, round: rounds(s, { base: commit, seed }) }, steps.length),
      )
  }
  return steps
}

const rounds = (s: Situation, place: Place): number => 1 + [...s.board.experiments.values()].filter(isAt(place)).length

/** Controls that experiments on the board need and nobody has planned. */
export function controls(s: Situation): Step[] {
  const steps: Step[] = []
  const asked = new Set<string>()
  for (const { experiment: e } of pairable(s)) {
    const key = `${e.base} ${e.seed} ${e.split ?? ''}`
    if (asked.has(key) || controlOf(s, e).state !== 'missing') continue
    asked.add(key)
    const place = { base: e.base, seed: e.seed, ...(e.split === undefined ? {} : { split: e.split }) }
    steps.push(plan(s, { kind: 'baseline', ...place, round: rounds(s, place) }, steps.length))
  }
  return steps
}

/** Runs whose score will be, or has to be, compared: those that wait, and measured ones of hypotheses without a finding. */
function pairable(s: Situation): ExperimentRecord[] {
  const waiting = liveExperiments(s).filter((e) => e.experiment.kind !== 'baseline')
  const measured = [...s.board.hypotheses.values()]
    .filter(isOpen)
    .flatMap((h) => h.experiments.flatMap((id) => s.board.experiments.get(id) ?? []))
    .filter((e) => e.result?.outcome === 'measured' && e.experiment.track === s.program.track)
  return [...waiting, ...measured]
}
