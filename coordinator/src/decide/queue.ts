// The queue: deep enough that no lane waits for thought, and no deeper than the run has experiments left.
import type { Knob } from '@swarm/shared/knobs'
import { isSentence } from '@swarm/shared/hypothesis'
import type { ExperimentRecord, HypothesisRecord } from '../board/schema.ts'
import { focusOf, isOpen } from '../board/steering.ts'
import { type Past, propose } from '../director/search.ts'
import { liveExperiments, nextHypothesisId, type Situation, type Step } from './situation.ts'

/** Open hypotheses for each lane: one running, one prepared, two waiting. */
export const OPEN_PER_AGENT = 4

/** Experiments recorded since this run began. */
export function recordedInRun(s: Situation): number {
  return [...s.board.experiments.values()].filter((e) => (e.recorded?.seq ?? 0) > s.run.seq).length
}

const open = (s: Situation): HypothesisRecord[] => [...s.board.hypotheses.values()].filter(isOpen)

const searching = (s: Situation): number => s.agents - (s.reading ?? 0)

/** How many more experiments this run may plan. */
export function left(s: Situation): number {
  const { experiments } = s.run
  return experiments === undefined ? Infinity : experiments - recordedInRun(s) - liveExperiments(s).length
}

/** New hypotheses from the search, as many as are missing on the lanes of those who do not read. */
export function topUp(s: Situation): Step[] {
  if (!s.topUp || s.run.reached !== undefined) return []
  const knobs = open(s).filter((h) => !isSentence(h.hypothesis))
  const missing = Math.min(left(s), OPEN_PER_AGENT * searching(s) - knobs.length)
  if (missing <= 0) return []
  const proposals = propose(
    { knobs: s.knobsAt(s.worth.current.best.commit), past: past(s), seed: s.run.seed, focus: focusOf(s.board) },
    missing,
  )
  return proposals.map((p, i) => ({
    do: 'write',
    fact: { type: 'hypothesis-proposed', hypothesis: { id: nextHypothesisId(s.board, i), ...p } },
  }))
}

/** Every knob hypothesis there ever was, oldest first. An outage of the machine is no try of the idea. */
function past(s: Situation): Past[] {
  const all = [...s.board.hypotheses.values()].sort((a, b) => a.seq - b.seq)
  return all.flatMap((h) => {
    if (h.hypothesis.edits.length === 0) return []
    const bases: (readonly Knob[])[] = [
      ...new Set(h.experiments.flatMap((id) => s.board.experiments.get(id)?.experiment.base ?? [])),
    ].map((base) => s.knobsAt(base))
    const finding = h.finding === undefined ? undefined : s.board.findings.get(h.finding)?.finding
    if (finding?.outcome === 'infra-failed') return []
    return [
      {
        id: h.hypothesis.id,
        edits: h.hypothesis.edits,
        bases,
        ...(finding === undefined ? {} : { verdict: finding.verdict }),
        ...(finding?.gain === undefined ? {} : { gain: finding.gain / finding.noise }),
      },
    ]
  })
}

/** The run is over when it has its experiments and no comparison is left half done, or when nothing is left to try. */
export function finish(s: Situation): Step[] {
  const { experiments, reached } = s.run
  if (reached !== undefined) return []
  if (experiments === undefined || recordedInRun(s) < experiments) {
    if (!s.topUp || s.thinking === true || (experiments === undefined && !onlyReads(s))) return []
    if (open(s).some((h) => taken(s, h)) || liveExperiments(s).some((e) => !waitsInVain(s, e))) return []
    const reason =
      searching(s) > 0
        ? 'the search has tried every setting of the knobs there are'
        : 'nobody has another idea, and nothing is open'
    return [{ do: 'finish', failed: false, reason: `${recordedInRun(s)} experiments recorded; ${reason}` }]
  }
  if (liveExperiments(s).some((e) => e.experiment.kind !== 'screen')) return []
  return [
    { do: 'finish', failed: false, reason: `${recordedInRun(s)} experiments recorded, ${experiments} were asked for` },
  ]
}

const onlyReads = (s: Situation): boolean => (s.reading ?? 0) > 0 && searching(s) === 0

/** Is there a lane that takes such a hypothesis? Sentences wait for who reads, the search's knobs for who does not, what people ask for takes anybody. */
function taken(s: Situation, { hypothesis }: Pick<HypothesisRecord, 'hypothesis'>): boolean {
  if (isSentence(hypothesis)) return (s.reading ?? 0) > 0
  return hypothesis.origin === 'human' || hypothesis.origin === 'follow-up' || searching(s) > 0
}

const waitsInVain = (s: Situation, { experiment: e }: ExperimentRecord): boolean =>
  e.kind === 'screen' && e.hypothesis !== undefined && !taken(s, { hypothesis: e.hypothesis })
