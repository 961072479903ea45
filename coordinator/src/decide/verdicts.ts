// What the results of one hypothesis come to: a finding, a repeat, another round, or nothing yet.
import type { Finding, Pair } from '@swarm/shared/finding'
import type { Result, RunOutcome } from '@swarm/shared/result'
import type { ExperimentRecord, HypothesisRecord } from '../board/schema.ts'
import { confirm } from '../verdict/confirm.ts'
import { screen } from '../verdict/screen.ts'
import { controlOf } from './controls.ts'
import { lesson, withAuthors } from './lesson.ts'
import { freshSeeds, liveExperiments, plan, type Situation, type Step } from './situation.ts'

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
  return repeats(s, h, own, latest, pair)
}

/** Everything after a promising screen. Repeats are paired on one base; the newest such set counts. */
function repeats(
  s: Situation,
  h: HypothesisRecord,
  own: ExperimentRecord[],
  screened: ExperimentRecord,
  screenPair: Pair,
): Step[] {
  const { round } = screened.experiment
  const all = own.filter((e) => e.experiment.kind === 'repeat' && e.experiment.round === round)
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

  const pairs: Pair[] = []
  for (const e of ended) {
    const pair = pairOf(s, e)
    if (pair === 'waiting') return []
    if ('cause' in pair) return [failed(s, h, e, 'infra-failed', pair.cause)]
    pairs.push(pair)
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
    }),
  ]
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

function otherAgent(s: Situation, screener: string): string | undefined {
  const load = (agent: string): number => liveExperiments(s).filter((e) => e.agent === agent).length
  return s.live.filter((a) => a !== screener).sort((a, b) => load(a) - load(b) || (a < b ? -1 : 1))[0]
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

/** A measured run beside its base on the same seed. */
function pairOf(s: Situation, e: ExperimentRecord): Pair | 'waiting' | { cause: string } {
  const control = controlOf(s, e.experiment.base, e.experiment.seed)
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

type FailedOutcome = Exclude<RunOutcome, 'measured'>

function failed(
  s: Situation,
  h: HypothesisRecord,
  e: ExperimentRecord,
  outcome: FailedOutcome,
  cause: string | undefined,
): Step {
  return finding(s, h, e, { verdict: 'failed', outcome, pairs: [], ...(cause === undefined ? {} : { cause }) })
}

/** What the author last wrote about it. */
function lessonOf(s: Situation, h: HypothesisRecord): string | undefined {
  const all = h.experiments.map((id) => s.board.experiments.get(id)?.result?.lesson)
  return all.findLast((lesson) => lesson !== undefined)
}

function finding(
  s: Situation,
  h: HypothesisRecord,
  e: ExperimentRecord,
  came: Pick<Finding, 'verdict' | 'outcome' | 'pairs'> & { gain?: number; cause?: string },
): Step {
  const { noise } = s.worth
  const { id, title } = h.hypothesis
  return {
    do: 'write',
    fact: {
      type: 'finding-published',
      finding: {
        hypothesis: id,
        round: e.experiment.round,
        title,
        base: e.experiment.base,
        noise,
        ...came,
        lesson: withAuthors(lesson(title, came, noise), lessonOf(s, h)),
      },
    },
  }
}
