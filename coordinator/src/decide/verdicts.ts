// What the results of one hypothesis come to: a finding, a repeat, another round, or nothing yet.
import type { Pair } from '@swarm/shared/finding'
import type { Result } from '@swarm/shared/result'
import type { ExperimentRecord, HypothesisRecord } from '../board/schema.ts'
import { confirm } from '../verdict/confirm.ts'
import { screen } from '../verdict/screen.ts'
import { type FailedOutcome, failed, finding, otherAgent } from './findings.ts'
import { pairOf } from './pairs.ts'
import { quarantine } from './quarantine.ts'
import { freshSeeds, plan, type Situation, type Step } from './situation.ts'

const MAX_ROUNDS = 3

/** The steps that follow for one open hypothesis; none while something of it is still running. */
export function verdictOn(s: Situation, h: HypothesisRecord): Step[] {
  const own = h.experiments
    .flatMap((id) => s.board.experiments.get(id) ?? [])
    .filter((e) => e.experiment.track === s.program.track)
  const latest = own.filter((e) => e.experiment.kind === 'screen').at(-1)
  if (latest === undefined) return [screenOf(s, h, 1 + h.experiments.length)]
  if (latest.result === undefined) return []
  const { result } = latest
  if (result.outcome === 'infra-failed') return again(s, h, own, result)
  if (result.outcome === 'conflict') return rewritten(s, h, own, latest, result)
  if (result.outcome !== 'measured') return [failed(s, h, latest, result.outcome, result.cause)]

  const pair = pairOf(s, latest)
  if (pair === 'waiting') return []
  if ('cause' in pair) return [failed(s, h, latest, 'infra-failed', pair.cause)]
  const { noise } = s.worth
  const { threshold } = s.program.program
  const came = screen(pair.gain, noise, threshold)
  if (came !== 'promising')
    return [finding(s, h, latest, { verdict: came, outcome: 'no-gain', pairs: [pair], gain: pair.gain })]
  const unproved = distrusted(s, result)
  if (unproved !== undefined) return [failed(s, h, latest, 'diff-rejected', unproved)]
  const cleared = quarantine(s, h, own, latest, pair)
  return 'steps' in cleared ? cleared.steps : repeats(s, h, own, latest, pair, cleared.hidden)
}

/** Everything after a promising screen. Repeats are paired on one base; the newest such set counts. */
function repeats(
  s: Situation,
  h: HypothesisRecord,
  own: ExperimentRecord[],
  screened: ExperimentRecord,
  screenPair: Pair,
  hidden: Pair | undefined,
): Step[] {
  const { round } = screened.experiment
  const all = own.filter(({ experiment: e }) => e.kind === 'repeat' && e.round === round && e.split !== 'hidden')
  const base = all.at(-1)?.experiment.base
  const { commit } = s.worth.current.best
  if (base === undefined) return planRepeats(s, h, screened, all)
  const set = all.filter((e) => e.experiment.base === base)
  if (set.some((e) => e.result === undefined)) return []
  const ended = set.filter((e) => e.result?.outcome !== 'infra-failed')
  const bad = ended.find((e) => e.result?.outcome !== 'measured')
  if (bad?.result?.outcome === 'conflict') return rewritten(s, h, own, bad, bad.result)
  if (bad?.result !== undefined) return [failed(s, h, bad, bad.result.outcome as FailedOutcome, bad.result.cause)]
  if (set.length - ended.length >= MAX_ROUNDS)
    return [failed(s, h, set.at(-1) as ExperimentRecord, 'infra-failed', set.at(-1)?.result?.cause)]
  if (ended.length < s.program.program.repeats) return planRepeats(s, h, screened, all)
  if (new Set(ended.map((e) => e.result?.tree)).size > 1)
    return [
      failed(
        s,
        h,
        ended[0] as ExperimentRecord,
        'diff-rejected',
        'its repeats were not runs of one and the same source',
      ),
    ]

  const distrust = ended.find((e) => distrusted(s, e.result as Result) !== undefined)
  if (distrust !== undefined) return [failed(s, h, distrust, 'diff-rejected', distrusted(s, distrust.result as Result))]

  const pairs: Pair[] = []
  let held = hidden
  for (const e of ended) {
    const pair = pairOf(s, e)
    if (pair === 'waiting') return []
    if ('cause' in pair) return [failed(s, h, e, 'infra-failed', pair.cause)]
    pairs.push(pair)
    // One source that has held once is not doubted on every seed.
    const cleared = held === undefined ? quarantine(s, h, own, e, pair) : {}
    if ('steps' in cleared) return cleared.steps
    held ??= cleared.hidden
  }
  const { verdict, gain } = confirm(pairs, s.worth.noise, s.program.program.threshold)
  // Measured on a best that has been overtaken: a win there is no win here until it is measured here.
  if (verdict === 'confirmed' && base !== commit) return planRepeats(s, h, screened, all)
  if (verdict === 'confirmed' && s.worth.value === undefined) return []
  return [
    finding(s, h, ended[0] as ExperimentRecord, {
      verdict,
      outcome: verdict === 'confirmed' ? 'improved' : 'no-gain',
      pairs: [screenPair, ...pairs],
      gain,
      ...(held === undefined ? {} : { hidden: held }),
    }),
  ]
}

/** Why a measured result may not become the best, however good it is: what is not known to be proved needs the program's word. */
function distrusted(s: Situation, { measurement }: Result): string | undefined {
  if (measurement?.trust === 'proved' || s.program.program.customOps === 'allowed') return undefined
  if (measurement?.trust === undefined)
    return 'nothing says that its score was proved: it was measured before scores said so'
  const ops = measurement.customOps?.join(', ') ?? 'unknown'
  return `its score is ${measurement.trust}, not proved: the network has ops of its own (${ops}). Write it with library ops, or let such a network become the best with "customOps: allowed" in program.md`
}

/** Repeats on the current best, on its fresh seeds, by another agent than the one that screened where there is one. */
function planRepeats(
  s: Situation,
  h: HypothesisRecord,
  screened: ExperimentRecord,
  planned: ExperimentRecord[],
): Step[] {
  const { n, commit } = s.worth.current.best
  const done = new Set(
    planned
      .filter((e) => e.experiment.base === commit && e.result?.outcome !== 'infra-failed')
      .map((e) => e.experiment.seed),
  )
  const result = screened.result as Result
  return freshSeeds(s, swarmSeed(s), n)
    .filter((seed) => !done.has(seed))
    .map((seed, i) =>
      plan(
        s,
        {
          kind: 'repeat',
          hypothesis: h.hypothesis,
          base: commit,
          seed,
          round: screened.experiment.round,
          diff: { text: result.diff, base: screened.experiment.base },
        },
        i,
        otherAgent(s, result.agent),
      ),
    )
}

/** The seed of the first run: the lineage goes on when a swarm is taken up again, whatever its new seed. */
function swarmSeed(s: Situation): number {
  return s.board.runs.get(1)?.seed ?? s.run.seed
}

export function screenOf(s: Situation, h: HypothesisRecord, round: number, more = 0): Step {
  return plan(
    s,
    {
      kind: 'screen',
      hypothesis: h.hypothesis,
      base: s.worth.current.best.commit,
      seed: s.program.program.seeds[0] as number,
      round,
    },
    more,
    h.hypothesis.agent,
  )
}

/** An outage says nothing about the idea: it gets another round, up to three in one run of the swarm. */
function again(s: Situation, h: HypothesisRecord, own: ExperimentRecord[], result: Result): Step[] {
  const outages = own.filter((e) => e.result?.outcome === 'infra-failed' && (e.recorded?.seq ?? 0) > s.run.seq).length
  const last = own.at(-1) as ExperimentRecord
  return [
    outages < MAX_ROUNDS ? screenOf(s, h, last.experiment.round + 1) : failed(s, h, last, 'infra-failed', result.cause),
  ]
}

/** The diff no longer applies: the hypothesis is opened again and written anew on the current best, unless there is nothing to write anew. */
function rewritten(
  s: Situation,
  h: HypothesisRecord,
  own: ExperimentRecord[],
  conflicting: ExperimentRecord,
  result: Result,
): Step[] {
  const conflicts = own.filter((e) => e.result?.outcome === 'conflict').length
  const sameAgain =
    conflicting.experiment.base === s.worth.current.best.commit &&
    (h.hypothesis.diff !== undefined || conflicting.experiment.kind === 'screen')
  if (conflicts >= MAX_ROUNDS || sameAgain) return [failed(s, h, conflicting, 'conflict', result.cause)]
  return [screenOf(s, h, conflicting.experiment.round + 1)]
}
