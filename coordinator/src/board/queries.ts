// Questions to the board, answered from its records alone.
import type { Best } from '@swarm/shared/event'
import type { ExperimentKind, Split } from '@swarm/shared/experiment'
import type { Finding, Verdict } from '@swarm/shared/finding'
import { type Cost, fieldStatus, type Measurement, type RunOutcome } from '@swarm/shared/result'
import type { AgentRecord, Board, RunRecord } from './schema.ts'
import { scoresOf } from './scores.ts'
import { focusOf, isOpen, isPaused, isQuarantined, isWithdrawn } from './steering.ts'
import { currentBest, worth } from './value.ts'

/** One experiment, flat: what `swarm board --json` prints. */
export interface ExperimentLine {
  id: string
  kind: ExperimentKind
  /** `planned` until a result is there, `withdrawn` when a veto came first; `improved` or
   * `no-gain` once its hypothesis has a verdict, `quarantined` while it is too good to have one. */
  outcome: RunOutcome | 'improved' | 'no-gain' | 'quarantined' | 'planned' | 'withdrawn'
  status: 'keep' | 'discard' | 'crash' | 'planned'
  cause?: string
  valBpb?: number
  /** Base on the same seed minus this, bits per byte; positive is better. */
  gain?: number
  baseBpb?: number
  hypothesis?: string
  title?: string
  round: number
  base: string
  seed: number
  /** The second held-out text; absent: the first. */
  split?: Split
  budget: string
  track: string
  agent?: string
  fence?: number
  diff?: string
  cost?: Cost
  measurement?: Measurement
  startedAt?: string
  endedAt?: string
  recordedAt?: string
  log?: string
}

const number = (id: string): number => Number(id.slice(1))

export function experiments(board: Board): ExperimentLine[] {
  const scores = new Map(
    [...new Set([...board.programs.values()].map((p) => p.track))].map((track) => [track, scoresOf(board, track)]),
  )
  const kept = new Set([...board.bests.values()].flatMap((b) => b.best.hypothesis ?? []))
  return [...board.experiments.values()]
    .sort((a, b) => number(a.experiment.id) - number(b.experiment.id))
    .map((record) => {
      const { experiment: e, agent, result: r, recorded } = record
      const plan = {
        id: e.id,
        kind: e.kind,
        round: e.round,
        base: e.base,
        seed: e.seed,
        ...(e.split === undefined ? {} : { split: e.split }),
        budget: e.budget,
        track: e.track,
        ...(e.hypothesis === undefined ? {} : { hypothesis: e.hypothesis.id, title: e.hypothesis.title }),
      }
      if (r === undefined)
        return {
          ...plan,
          outcome: isWithdrawn(board, record) ? ('withdrawn' as const) : ('planned' as const),
          status: 'planned' as const,
          ...(agent === undefined ? {} : { agent }),
        }
      const on = scores.get(e.track)
      const tree = on?.treeAt(e.base)
      const base = tree === undefined || e.kind === 'baseline' ? undefined : on?.of(tree, e.seed, e.split)
      const h = board.hypotheses.get(e.hypothesis?.id ?? '')
      const finding = board.findings.get(h?.finding ?? '')?.finding
      const promoted = e.hypothesis !== undefined && kept.has(e.hypothesis.id) && r.outcome === 'measured'
      return {
        ...plan,
        outcome: verdictWord(r.outcome, finding, h !== undefined && isQuarantined(board, h)),
        status: fieldStatus(r.outcome, promoted || e.kind === 'baseline'),
        agent: r.agent,
        fence: r.fence,
        diff: r.diff,
        cost: r.cost,
        startedAt: r.startedAt,
        endedAt: r.endedAt,
        ...(r.cause === undefined ? {} : { cause: r.cause }),
        ...(r.log === undefined ? {} : { log: r.log }),
        ...(recorded === undefined ? {} : { recordedAt: recorded.at }),
        ...(r.measurement === undefined
          ? {}
          : {
              valBpb: r.measurement.valBpb,
              measurement: r.measurement,
              ...(base === undefined ? {} : { baseBpb: base.valBpb, gain: base.valBpb - r.measurement.valBpb }),
            }),
      }
    })
}

/** A measured run takes the word of its hypothesis' verdict. */
function verdictWord(
  outcome: RunOutcome,
  finding: Finding | undefined,
  quarantined: boolean,
): ExperimentLine['outcome'] {
  if (outcome !== 'measured') return outcome
  if (finding === undefined) return quarantined ? 'quarantined' : 'measured'
  if (finding.outcome === 'cheat-suspected') return finding.outcome
  return finding.verdict === 'confirmed' ? 'improved' : 'no-gain'
}

export interface BestLine {
  n: number
  commit: string
  /** Verified mean; absent until the baselines are measured. */
  valBpb?: number
  baseline?: number
  /** baseline − valBpb, and in percent of the baseline. */
  gain?: number
  gainPercent?: number
  noise: number
  track: string
  lineage: (Omit<Best, 'tree'> & { at: string })[]
}

export function bestLine(board: Board): BestLine | undefined {
  const w = worth(board)
  if (w === undefined) return undefined
  const lineage = [...board.bests.values()]
    .sort((a, b) => a.best.n - b.best.n)
    .map(({ best: { tree: _, ...b }, at }) => ({ ...b, at }))
  return {
    n: w.current.best.n,
    commit: w.current.best.commit,
    noise: w.noise,
    track: w.track,
    lineage,
    ...(w.value === undefined ? {} : { valBpb: w.value }),
    ...(w.baseline === undefined ? {} : { baseline: w.baseline }),
    ...(w.value === undefined || w.baseline === undefined
      ? {}
      : { gain: w.baseline - w.value, gainPercent: (100 * (w.baseline - w.value)) / w.baseline }),
  }
}

export interface AgentLine {
  agent: string
  session: number
  here: boolean
  lane: AgentRecord['lane']
  host: string
  paused: boolean
  experiments: number
  promoted: number
  /** Seconds of training / seconds from its first claim to its last result, in this run; absent before its first result. */
  laneBusy?: number
}

export interface Status {
  run?: RunRecord
  seq: number
  best?: BestLine
  agents: AgentLine[]
  /** Of all lanes of this run together. */
  laneBusy?: number
  experiments: { recorded: number; inRun: number; waiting: number; byOutcome: Record<string, number> }
  experimentsPerHour?: number
  duplicatePercent: number
  hypotheses: { open: number; closed: number; byVerdict: Partial<Record<Verdict | 'vetoed', number>> }
  /** What people want looked at first. */
  focus?: string
}

export function status(board: Board, now: number): Status {
  const run = board.runs.get(board.runs.size)
  const all = [...board.experiments.values()]
  const recorded = all.filter((e) => e.result !== undefined)
  const inRun = recorded.filter((e) => (e.recorded?.seq ?? 0) > (run?.seq ?? 0))
  const promoted = new Set([...board.bests.values()].flatMap((b) => b.best.hypothesis ?? []))
  const sessions = new Map<string, AgentRecord>()
  for (const a of board.agents.values()) if ((sessions.get(a.agent)?.session ?? 0) < a.session) sessions.set(a.agent, a)
  const spans = new Map<string, { train: number; from: number; to: number }>()
  for (const { result: r } of inRun) {
    if (r === undefined) continue
    const s = spans.get(r.agent) ?? { train: 0, from: Infinity, to: 0 }
    spans.set(r.agent, {
      train: s.train + r.cost.train,
      from: Math.min(s.from, Date.parse(r.startedAt) / 1000),
      to: Math.max(s.to, Date.parse(r.endedAt) / 1000),
    })
  }
  const busy = (s: { train: number; from: number; to: number } | undefined): { laneBusy?: number } =>
    s !== undefined && s.to > s.from ? { laneBusy: s.train / (s.to - s.from) } : {}
  const total = [...spans.values()].reduce(
    (t, s) => ({ train: t.train + s.train, from: 0, to: t.to + s.to - s.from }),
    { train: 0, from: 0, to: 0 },
  )
  const end = run?.stopped === undefined ? now : Date.parse(run.stopped.at)
  const hours = run === undefined ? 0 : (end - Date.parse(run.at)) / 3_600_000
  const best = bestLine(board)
  const closed = [...board.hypotheses.values()].filter((h) => !isOpen(h))
  const focus = focusOf(board)
  return {
    seq: board.seq,
    ...(run === undefined ? {} : { run }),
    ...(best === undefined ? {} : { best }),
    ...busy(total),
    agents: [...sessions.values()]
      .sort((a, b) => (a.agent < b.agent ? -1 : 1))
      .map((a) => {
        const own = recorded.filter((e) => e.result?.agent === a.agent)
        return {
          agent: a.agent,
          session: a.session,
          here: a.left === undefined && run?.stopped === undefined,
          lane: a.lane,
          host: a.machine.host,
          paused: isPaused(board, a.agent),
          experiments: own.length,
          promoted: new Set(
            own.flatMap((e) =>
              e.experiment.kind === 'screen' && promoted.has(e.experiment.hypothesis?.id ?? '')
                ? (e.experiment.hypothesis?.id ?? [])
                : [],
            ),
          ).size,
          ...busy(spans.get(a.agent)),
        }
      }),
    experiments: {
      recorded: recorded.length,
      inRun: inRun.length,
      waiting: all.filter((e) => e.result === undefined && !isWithdrawn(board, e)).length,
      byOutcome: count(
        experiments(board)
          .filter((e) => e.status !== 'planned')
          .map((e) => e.outcome),
      ),
    },
    ...(hours > 0 ? { experimentsPerHour: inRun.length / hours } : {}),
    duplicatePercent:
      recorded.length === 0
        ? 0
        : (100 * recorded.filter((e) => e.result?.outcome === 'duplicate').length) / recorded.length,
    hypotheses: {
      open: board.hypotheses.size - closed.length,
      closed: closed.length,
      byVerdict: count(
        closed.flatMap((h) =>
          h.vetoed === undefined ? (board.findings.get(h.finding ?? '')?.finding.verdict ?? []) : 'vetoed',
        ),
      ),
    },
    ...(focus === undefined ? {} : { focus }),
  }
}

function count<T extends string>(words: readonly T[]): Partial<Record<T, number>> & Record<string, number> {
  const n: Record<string, number> = {}
  for (const w of words) n[w] = (n[w] ?? 0) + 1
  return n as Partial<Record<T, number>> & Record<string, number>
}

export { currentBest }
