// The decisions without the world: a board in memory, results from a function, promotions that only rename. What nats, git and
// processes add is tried elsewhere; this is for thousands of experiments in a second.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { Fact } from '@swarm/shared/event'
import type { Experiment } from '@swarm/shared/experiment'
import { isSentence } from '@swarm/shared/hypothesis'
import { type Knob, readKnobs, setKnobs } from '@swarm/shared/knobs'
import { Program } from '@swarm/shared/program'
import { NO_COST, type Result } from '@swarm/shared/result'
import { fold } from '@swarm/coordinator/board/fold'
import { emptyBoard } from '@swarm/coordinator/board/schema'
import { isWithdrawn } from '@swarm/coordinator/board/steering'
import { decide } from '@swarm/coordinator/decide'
import type { FactToWrite, Step } from '@swarm/coordinator/decide/situation'
import { RECIPE, score } from './bowl.ts'

export const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex')
export const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
export const TRACK = sha256('track')

/** What a run came to; `tree` stands for the source that was run. */
export type Came = Pick<Result, 'outcome' | 'lesson' | 'followUps'> & {
  cause?: string
  valBpb?: number
  /** Where it is not proved: `unknown` as results of older judges have it. */
  trust?: 'probed' | 'unknown'
}

export interface ScriptOptions {
  seed?: number
  agents?: number
  /** How many of them read, and whether a model may still have an idea. */
  reading?: number
  thinking?: boolean
  experiments?: number
  program?: Partial<Program>
  recipe?: string
  /** The data set has a second held-out text; default: it has. */
  hidden?: boolean
  /** The world: what an experiment comes to, given the source that is run. Default: the bowl. */
  run?: (e: Experiment, source: string) => Came
}

export class Script {
  readonly board = emptyBoard()
  readonly written: FactToWrite[] = []
  finished: Extract<Step, { do: 'finish' }> | undefined
  live: string[]
  /** Source at a commit. */
  readonly sources = new Map<string, string>()
  readonly #knobs = new Map<string, Knob[]>()

  constructor(private readonly options: ScriptOptions = {}) {
    const { seed = 1, agents = 1, experiments, recipe = RECIPE } = options
    this.live = Array.from({ length: agents }, (_, i) => `a${i + 1}`)
    const commit = sha1('first')
    this.sources.set(commit, recipe)
    const program = Program.parse({ noise: 0.003, ...options.program })
    this.write({
      type: 'program-adopted',
      n: 1,
      program,
      budget: 'work:1s',
      track: TRACK,
      manifest: sha256('m'),
      frozen: sha256('f'),
    })
    this.write({ type: 'best-moved', best: { n: 0, commit, tree: sha1(recipe), seeds: [] } })
    this.write({ type: 'swarm-started', run: 1, seed, agents, ...(experiments === undefined ? {} : { experiments }) })
    this.settle(true)
  }

  write(fact: FactToWrite): void {
    this.written.push(fact)
    fold(this.board, this.board.seq + 1, { ...fact, at: new Date(this.board.seq * 1000).toISOString() } as Fact)
  }

  settle(topUp: boolean): void {
    while (this.finished === undefined) {
      const knobsAt = (commit: string): Knob[] => {
        const known = this.#knobs.get(commit) ?? readKnobs(this.sources.get(commit) ?? '')
        this.#knobs.set(commit, known)
        return known
      }
      const { agents = 1, reading = 0, thinking = false, hidden = true } = this.options
      const { live, board } = this
      const steps = decide({ board, agents, reading, thinking, live, knobsAt, topUp, hidden })
      if (steps.length === 0) return
      for (const step of steps) this.#perform(step)
    }
  }

  #perform(step: Step): void {
    if (step.do === 'finish') this.finished = step
    else if (step.do === 'write') this.write(step.fact)
    else {
      const { n, commit: base } = this.best
      if (step.finding.base !== base)
        throw new Error(`${step.finding.hypothesis} is promoted onto what is not the best`)
      const repeat = this.board.experiments.get(step.finding.pairs.at(-1)?.experiment ?? '')
      const commit = sha1(`${base} ${step.finding.hypothesis}`)
      this.sources.set(commit, step.diff)
      const { hypothesis, title, gain, pairs } = step.finding
      const best = {
        n: n + 1,
        commit,
        valBpb: step.valBpb,
        gain,
        hypothesis,
        title,
        agent: step.agent,
        seeds: pairs.map((p) => p.seed),
      }
      this.write({ type: 'best-moved', previous: base, best: { ...best, tree: repeat?.result?.tree } })
    }
  }

  get best(): { n: number; commit: string; valBpb?: number | undefined } {
    const last = this.board.bests.get(this.board.bests.size - 1)
    if (last === undefined) throw new Error('no best')
    return last.best
  }

  /** Experiments that wait, in the order an agent would claim them: repeats and baselines first. */
  waiting(agent?: string): Experiment[] {
    const all = [...this.board.experiments.values()].filter(
      (e) => e.result === undefined && !isWithdrawn(this.board, e),
    )
    const rank = (e: (typeof all)[number]): number =>
      e.agent !== undefined && e.agent === agent
        ? 0
        : e.experiment.kind !== 'screen' || e.experiment.hypothesis?.origin === 'human'
          ? 1
          : 2
    return all.sort((a, b) => rank(a) - rank(b) || a.seq - b.seq).map((e) => e.experiment)
  }

  /** The source an experiment runs: its base with the hypothesis' knobs. A "diff" is the whole source here. */
  sourceOf(e: Experiment): string {
    const base = this.sources.get(e.base) ?? ''
    if (e.hypothesis !== undefined && isSentence(e.hypothesis)) return `${base}// ${e.hypothesis.title}\n`
    const set = setKnobs(base, e.hypothesis?.edits ?? [])
    return 'refused' in set ? base : set.source
  }

  /** Hands in what an experiment came to, as the coordinator would record it. */
  record(e: Experiment, came: Came, agent = 'a1'): void {
    const source = this.sourceOf(e)
    const result: Result = {
      experiment: e.id,
      kind: e.kind,
      agent,
      fence: 1,
      outcome: came.outcome,
      diff: e.kind === 'baseline' ? '' : source,
      base: e.base,
      seed: e.seed,
      budget: e.budget,
      track: e.track,
      cost: NO_COST,
      startedAt: '',
      endedAt: '',
      tree: sha1(source),
      ...(e.hypothesis === undefined ? {} : { hypothesis: e.hypothesis.id }),
      ...(came.cause === undefined ? {} : { cause: came.cause }),
      ...(came.lesson === undefined ? {} : { lesson: came.lesson }),
      ...(came.followUps === undefined ? {} : { followUps: came.followUps }),
      ...(came.valBpb === undefined
        ? {}
        : {
            measurement: {
              ...measurement(came.valBpb),
              ...(e.split === undefined ? {} : { split: e.split }),
              ...(came.trust === undefined ? {} : { trust: came.trust === 'unknown' ? undefined : came.trust }),
              ...(came.trust === 'probed' ? { customOps: ['smooth'] } : {}),
            },
          }),
    }
    this.write({ type: 'experiment-recorded', result })
    this.settle(true)
  }

  /** The first agent runs what waits, `count` experiments or until the run is over. */
  runOn(count = Infinity, agent = 'a1'): void {
    for (let i = 0; i < count && this.finished === undefined; i++) {
      const e = this.waiting(agent)[0]
      if (e === undefined) throw new Error('the queue ran dry')
      const source = this.sourceOf(e)
      this.record(e, this.options.run?.(e, source) ?? { outcome: 'measured', valBpb: score(source, e.seed) }, agent)
    }
  }

  findings(): { hypothesis: string; verdict: string; outcome: string; round: number; gain?: number | undefined }[] {
    return [...this.board.findings.values()].map(({ finding: f }) => ({
      hypothesis: f.hypothesis,
      verdict: f.verdict,
      outcome: f.outcome,
      round: f.round,
      gain: f.gain,
    }))
  }
}

export function measurement(valBpb: number): NonNullable<Result['measurement']> {
  return {
    valBpb,
    steps: 1,
    tokens: 1,
    trainLoss: 1,
    trainingSeconds: 1,
    workSeconds: 1,
    evalSeconds: 1,
    peakBytes: 1,
    paramsM: 1,
    depth: 1,
    checkpoint: sha256('c'),
    frozen: sha256('f'),
    manifest: sha256('m'),
    isa: 'any',
    trust: 'proved',
  }
}

/** The first that waits of a kind, and of a hypothesis where one is named. */
export const next = (s: Script, kind: Experiment['kind'], hypothesis?: string): Experiment => {
  const found = s
    .waiting('a1')
    .find((e) => e.kind === kind && (hypothesis === undefined || e.hypothesis?.id === hypothesis))
  assert.ok(
    found,
    `no ${kind} of ${hypothesis ?? 'anything'} waits: ${s.waiting().map((e) => `${e.id} ${e.kind} ${e.hypothesis?.id}`)}`,
  )
  return found
}
export const measured = (valBpb: number): Came => ({ outcome: 'measured', valBpb })
/** All baselines of the shipped recipe at 1.5. */
export function started(options: ScriptOptions = {}): Script {
  const s = new Script(options)
  while (s.waiting().some((e) => e.kind === 'baseline')) s.record(next(s, 'baseline'), measured(1.5))
  return s
}
