// What every screen shows, folded from facts and heartbeats and from nothing else. Snapshots are immutable: a row that changed is a new row.
import type { Event, FactOf, Heartbeat } from '@swarm/shared/event'
import { spent } from '@swarm/shared/result'
import { Rests } from './rests.ts'
import { Scores } from './scores.ts'
import { Spent } from './spent.ts'
import type { AgentRow, BestRow, ExperimentRow, FindingRow, View } from './view.ts'

const RECENT = 50

/** Facts in ledger order and heartbeats go in; `view()` is the picture of this moment, the same object until something changes. */
export class Fold {
  readonly experiments = new Map<string, ExperimentRow>()
  readonly #scores = new Scores()
  readonly #agents = new Map<string, AgentRow>()
  readonly #outcomes = new Map<string, number>()
  readonly #bests: BestRow[] = []
  readonly #findings: FindingRow[] = []
  readonly #hypotheses = new Map<string, string>()
  readonly #rests = new Rests()
  /** Planned and struck before there was a result. */
  readonly #withdrawn = new Set<string>()
  #head: Pick<View, 'seq' | 'run' | 'budget' | 'scale' | 'noise' | 'focus' | 'doneInRun' | 'done' | 'queued'> = {
    seq: 0,
    doneInRun: 0,
    done: 0,
    queued: 0,
  }
  readonly #spent = new Spent()
  #view: View | undefined

  view(): View {
    this.#view ??= this.#snapshot()
    return this.#view
  }

  #snapshot(): View {
    // A number belongs to its track (docs/decisions/0004): a best that moved on another one is worth what its own runs on this one say.
    const worth = (b: BestRow): number | undefined =>
      b.track === this.#scores.track && b.valBpb !== undefined ? b.valBpb : this.#scores.meanOf(b.commit)
    const priced = this.#bests.map((b): BestRow => {
      const { valBpb: _, ...rest } = b
      const value = worth(b)
      return value === undefined ? rest : { ...rest, valBpb: value }
    })
    const baseline = priced.find((b) => b.valBpb !== undefined)?.valBpb
    const best = priced.at(-1)
    return {
      ...this.#head,
      outcomes: Object.fromEntries(this.#outcomes),
      ...(baseline === undefined ? {} : { baseline }),
      ...(best === undefined ? {} : { best }),
      bests: priced,
      agents: [...this.#agents.values()]
        .sort((a, b) => (a.name < b.name ? -1 : 1))
        .map((a) => (this.#rests.of(a.name) ? { ...a, paused: true } : a)),
      quarantined: [...this.experiments.values()].flatMap(({ kind, outcome, hypothesis, title }) =>
        kind === 'screen' && outcome === 'quarantined' && hypothesis !== undefined ? { hypothesis, title } : [],
      ),
      findings: this.#findings.slice(-RECENT),
      ...withoutAbsent({ spent: this.#spent.row() }),
    }
  }

  see({ seq, fact }: Event): void {
    this.#view = undefined
    this.#head = { ...this.#head, seq }
    switch (fact.type) {
      case 'swarm-started':
        return this.#started(fact)
      case 'swarm-stopped':
        return this.#stopped(fact)
      case 'program-adopted':
        this.#adopted(fact)
        return this.#scores.adopt(fact.track, fact.program.seeds)
      case 'agent-joined':
        return this.#joined(fact)
      case 'agent-left':
        return this.#change(fact.agent, { present: false, phase: 'idle', left: fact.reason })
      case 'hypothesis-proposed':
        this.#hypotheses.set(fact.hypothesis.id, fact.hypothesis.title)
        return
      case 'experiment-planned':
        return this.#planned(fact)
      case 'experiment-recorded':
        return this.#recorded(fact)
      case 'cap-reached':
        if (this.#head.run?.n === fact.run)
          this.#head = { ...this.#head, run: { ...this.#head.run, reached: fact.why } }
        return
      case 'call-settled':
        return this.#spent.see(fact)
      case 'finding-published':
        return this.#found(fact)
      case 'best-moved':
        return this.#moved(fact)
      case 'hypothesis-vetoed':
        return this.#vetoed(fact)
      case 'focus-set': {
        const { focus: _, ...head } = this.#head
        this.#head = { ...head, ...withoutAbsent({ focus: fact.area }) }
        return
      }
      case 'agent-paused':
        return this.#rests.see(fact)
    }
  }

  pulse(beat: Heartbeat, now = Date.now()): void {
    this.#view = undefined
    const { experiment, title, step, steps, progress, elapsed, gpu } = beat
    // A beat is all there is to say: steps and title of the experiment before are not the next one's.
    const known: Partial<AgentRow> = this.#agents.get(beat.agent) ?? {}
    const { host = '', lane = { kind: 'cpu', cores: [] }, done = 0, left } = known
    this.#agents.set(beat.agent, {
      host,
      lane,
      done,
      name: beat.agent,
      present: beat.phase !== 'leaving',
      phase: beat.phase,
      seen: now,
      ...withoutAbsent({ experiment, title, step, steps, progress, elapsed, gpu, left }),
    })
  }

  #adopted({ budget, program: { noise, scale } }: FactOf<'program-adopted'>): void {
    const { scale: _, ...head } = this.#head
    this.#head = { ...head, budget, noise, ...(scale === 'cpu' ? {} : { scale }) }
  }

  #started(fact: FactOf<'swarm-started'>): void {
    this.#spent.begin(fact)
    const run = {
      n: fact.run,
      at: fact.at,
      agents: fact.agents,
      ...(fact.experiments === undefined ? {} : { wanted: fact.experiments }),
    }
    this.#head = { ...this.#head, run, doneInRun: 0 }
    this.#rests.clear()
    for (const agent of this.#agents.keys()) this.#change(agent, { present: false, phase: 'idle' })
  }

  #stopped(fact: FactOf<'swarm-stopped'>): void {
    if (this.#head.run?.n === fact.run)
      this.#head = { ...this.#head, run: { ...this.#head.run, stopped: { at: fact.at, reason: fact.reason } } }
  }

  #joined(fact: FactOf<'agent-joined'>): void {
    const done = this.#agents.get(fact.agent)?.done ?? 0
    this.#agents.set(fact.agent, {
      name: fact.agent,
      present: true,
      host: fact.machine.host,
      lane: fact.lane,
      phase: 'idle',
      seen: Date.parse(fact.at) || 0,
      done,
    })
  }

  #change(agent: string, change: Partial<AgentRow>): void {
    const row = this.#agents.get(agent)
    if (row === undefined) return
    const { experiment: _e, title: _t, step: _s, steps: _n, progress: _p, elapsed: _l, ...rest } = row
    this.#agents.set(agent, { ...(change.present === false ? rest : row), ...change })
  }

  #planned({ experiment: e }: FactOf<'experiment-planned'>): void {
    this.#head = { ...this.#head, queued: this.#head.queued + 1 }
    if (this.experiments.has(e.id)) return
    const title = e.hypothesis?.title ?? 'the recipe as it is'
    this.experiments.set(e.id, {
      id: e.id,
      kind: e.kind,
      title,
      base: e.base,
      seed: e.seed,
      ...withoutAbsent({ hypothesis: e.hypothesis?.id, split: e.split }),
    })
    if (e.kind !== 'repeat' || e.hypothesis === undefined) return
    if (e.split === 'hidden') return this.#settle(e.hypothesis.id, 'screen', 'quarantined')
    this.#settle(e.hypothesis.id, 'screen', 'improved')
    this.#settle(e.hypothesis.id, 'repeat', 'measured')
  }

  #recorded({ result: r, at }: FactOf<'experiment-recorded'>): void {
    const known = this.experiments.get(r.experiment)
    // The run that clears or convicts another is as open as that one.
    const open = known?.kind === 'repeat' && known.split === 'hidden' && r.outcome === 'measured'
    const outcome = open ? 'quarantined' : r.outcome
    this.#head = {
      ...this.#head,
      done: this.#head.done + 1,
      doneInRun: this.#head.doneInRun + 1,
      queued: this.#head.queued - (known !== undefined && !this.#withdrawn.has(r.experiment) ? 1 : 0),
    }
    const row: ExperimentRow = {
      ...(known ?? {
        id: r.experiment,
        kind: r.kind,
        title: this.#title(r.hypothesis),
        base: r.base,
        seed: r.seed,
      }),
      base: r.base,
      seed: r.seed,
      agent: r.agent,
      outcome,
      seconds: spent(r.cost),
      training: r.cost.train,
      at,
      ...withoutAbsent({ hypothesis: r.hypothesis, cause: r.cause, valBpb: r.measurement?.valBpb }),
    }
    this.experiments.set(row.id, row)
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1)
    const agent = this.#agents.get(r.agent)
    if (agent !== undefined) this.#agents.set(r.agent, { ...agent, done: agent.done + 1 })
    for (const [id, gain] of this.#scores.see(row)) {
      const other = this.experiments.get(id)
      if (other !== undefined) this.experiments.set(id, { ...other, gain })
    }
  }

  #vetoed({ hypothesis }: FactOf<'hypothesis-vetoed'>): void {
    for (const { id, hypothesis: of, outcome } of this.experiments.values())
      if (of === hypothesis && outcome === undefined) this.#withdrawn.add(id)
    const waiting = [...this.experiments.values()].filter((e) => e.outcome === undefined && !this.#withdrawn.has(e.id))
    this.#head = { ...this.#head, queued: waiting.length }
    this.#settle(hypothesis, 'screen', 'measured')
  }

  #title(hypothesis: string | undefined): string {
    return hypothesis === undefined ? 'the recipe as it is' : (this.#hypotheses.get(hypothesis) ?? hypothesis)
  }

  #found({ finding: f, at }: FactOf<'finding-published'>): void {
    const { hypothesis, title, verdict, outcome, lesson } = f
    this.#findings.push({ hypothesis, title, verdict, outcome, lesson, at, ...withoutAbsent({ gain: f.gain }) })
    for (const pair of f.pairs) {
      const row = this.experiments.get(pair.experiment)
      if (row !== undefined) this.experiments.set(row.id, { ...row, gain: pair.gain })
    }
    this.#settle(hypothesis, 'repeat', f.outcome)
    this.#settle(hypothesis, 'screen', f.outcome)
  }

  /** The verdict reaches the experiments it was made from: `measured` becomes improved or no-gain. */
  #settle(hypothesis: string, kind: ExperimentRow['kind'], outcome: string): void {
    for (const row of this.experiments.values()) {
      const before = row.outcome
      if (row.hypothesis !== hypothesis || row.kind !== kind) continue
      if (before !== 'measured' && before !== 'quarantined') continue
      this.experiments.set(row.id, { ...row, outcome })
      this.#outcomes.set(before, (this.#outcomes.get(before) ?? 1) - 1)
      this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1)
    }
  }

  #moved({ best: b, previous, at }: FactOf<'best-moved'>): void {
    const { n, commit, seeds } = b
    this.#bests.push({
      n,
      track: this.#scores.track,
      commit,
      seeds,
      at,
      ...withoutAbsent({ valBpb: b.valBpb, gain: b.gain, hypothesis: b.hypothesis, title: b.title, agent: b.agent }),
    })
    if (previous !== undefined && b.hypothesis !== undefined) this.#scores.promote(b.hypothesis, previous, commit)
  }
}

/** Drops what is absent, so that an optional field is missing and not undefined. */
function withoutAbsent<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
