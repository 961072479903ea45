// The coordinator: fold, decide, publish what is missing, again and again. Everything that changes the board happens in one line,
// one turn after the other, and every turn may be repeated.
import type { Bus } from '@swarm/shared/bus'
import type { CapName } from '@swarm/shared/call'
import { Result } from '@swarm/shared/result'
import { type Knob, readKnobs } from '@swarm/shared/knobs'
import type { Program } from '@swarm/shared/program'
import { reads } from '@swarm/shared/researcher'
import { lineOf } from './work.ts'
import type { Board, ExperimentRecord, ProgramRecord, RunRecord } from './board/schema.ts'
import { isPaused, isWithdrawn } from './board/steering.ts'
import type { Change } from './brief.ts'
import { decide } from './decide.ts'
import type { FactToWrite, Step } from './decide/situation.ts'
import { moveBest } from './best.ts'
import { crashPoint } from './crash.ts'
import { sourceAt } from './hub.ts'
import type { Ledger } from './ledger.ts'
import { lostCalls } from './purse/lost.ts'
import { promote, putBundle } from './promotion.ts'
import { checkResult, unreadable } from './results.ts'
import type { Roster } from './roster.ts'
import { moveLines, putIn } from './work.ts'

/** A decision that never comes to rest is a defect; it has to show. */
const MAX_ROUNDS = 10_000

export interface Finished {
  reason: string
  failed: boolean
  /** The cap that ended it, when one did. */
  cap?: CapName
}

export class Coordinator {
  /** Set when the run has come to its end; no result is taken after that. */
  finished: Finished | undefined
  /** Set before the bus is closed: from then on it is right that no more results come. */
  closing = false
  /** May a model still come up with a hypothesis? */
  thinking: () => boolean = () => false
  /** What a person has changed in the program since it was last asked for. */
  changed: (inForce: Program) => Change | undefined = () => undefined
  /** The data set has a second held-out text. */
  hidden = false
  /** Says a sentence to people. */
  tell: (line: string) => void = () => {}
  #turns: Promise<unknown> = Promise.resolve()
  readonly #knobs = new Map<string, readonly Knob[]>()

  constructor(
    readonly bus: Bus,
    readonly ledger: Ledger,
    readonly hub: string,
    readonly roster: Roster,
    readonly agents: number,
    /** How many of the agents asked for read. */
    readonly readers: number,
    readonly log: (line: string, about?: object) => void,
  ) {}

  get board(): Board {
    return this.ledger.board
  }
  get program(): ProgramRecord {
    return this.board.programs.get(this.board.programs.size) as ProgramRecord
  }
  get run(): RunRecord {
    return this.board.runs.get(this.board.runs.size) as RunRecord
  }

  /** Runs something alone, after everything that was asked for before. */
  turn<T>(what: () => Promise<T>): Promise<T> {
    const mine = this.#turns.then(what)
    this.#turns = mine.catch(() => {})
    return mine
  }

  async write(fact: FactToWrite): Promise<void> {
    await this.ledger.write(fact)
  }

  /** Lanes to keep busy, and how many of them read: what was asked for, or more when more have joined. */
  lanes(): { agents: number; reading: number } {
    const live = this.roster.names()
    const here = this.roster.present().filter(({ agent }) => live.includes(agent))
    const readers = here.filter(({ researcher }) => reads(researcher)).length
    const reading = Math.max(this.readers, readers)
    return { reading, agents: reading + Math.max(this.agents - this.readers, live.length - readers) }
  }

  /** Decides until nothing is left to do, or the run is over. */
  async settle(topUp: boolean): Promise<void> {
    for (let i = 0; this.finished === undefined; i++) {
      if (i > MAX_ROUNDS) throw new Error('the decisions do not come to rest; please report this with the board')
      await this.#takeOver()
      await this.#readKnobs()
      const steps = decide({
        board: this.board,
        ...this.lanes(),
        thinking: this.thinking(),
        live: this.takers,
        topUp,
        hidden: this.hidden,
        knobsAt: (commit) => this.#knobs.get(commit) ?? [],
      })
      if (steps.length === 0) return
      for (const step of steps) await this.#perform(step)
    }
  }

  /** Another program of the same track holds from the next decision on. */
  async #takeOver(): Promise<void> {
    const change = this.changed(this.program.program)
    if (change === undefined) return
    if ('refused' in change) return this.tell(change.refused)
    const { budget, track, manifest, frozen } = this.program
    const n = this.board.programs.size + 1
    await this.write({ type: 'program-adopted', n, program: change.adopt, budget, track, manifest, frozen })
  }

  async #perform(step: Step): Promise<void> {
    if (step.do === 'finish') {
      const { reason, failed, cap } = step
      this.finished = { reason, failed, ...(cap === undefined ? {} : { cap }) }
      return
    }
    if (step.do === 'promote') {
      const fact = await promote(this.hub, this.board, step)
      crashPoint('committed')
      await this.write(fact)
      crashPoint('moved')
      const commit = this.board.bests.get(this.board.bests.size - 1)?.best.commit as string
      await moveBest(this.hub, commit)
      await putBundle(this.bus, this.hub, commit)
      this.log(`best moved to ${commit.slice(0, 10)}: ${step.finding.title}`)
      return
    }
    await this.write(step.fact)
    if (step.fact.type !== 'experiment-planned') return
    crashPoint('planned')
    const planned = this.board.experiments.get(step.fact.experiment.id) as ExperimentRecord
    await putIn(this.bus, lineOf(planned, this.takers), planned)
  }

  async #readKnobs(): Promise<void> {
    const { editable, scale } = this.program.program
    for (const { best } of this.board.bests.values()) {
      if (!this.#knobs.has(best.commit))
        this.#knobs.set(best.commit, readKnobs(await sourceAt(this.hub, best.commit, editable), scale))
    }
  }

  /** One message of RES. Returns when everything that follows from it is published. */
  async take(from: string, experiment: string, body: unknown): Promise<void> {
    const parsed = Result.safeParse(body)
    if (!parsed.success) {
      const why = `${parsed.error.issues[0]?.path.join('.') ?? ''} ${parsed.error.issues[0]?.message ?? ''}`.trim()
      this.log(`a result of ${from} for ${experiment} is no result: ${why}`)
      const plan = this.board.experiments.get(experiment)
      const record = plan === undefined ? undefined : unreadable(this.board, plan, from, body, why)
      if (record === undefined) return
      await this.write({ type: 'experiment-recorded', result: record })
      return this.settle(true)
    }
    const checked = await checkResult(this.board, this.program, this.hub, from, parsed.data)
    if ('refused' in checked) {
      this.log(`result of ${from} for ${parsed.data.experiment} refused: ${checked.refused}`)
      const plan = this.board.experiments.get(parsed.data.experiment)
      // Its claim is used up, the plan is not answered: it waits again.
      if (checked.again && plan !== undefined && plan.experiment.track === this.program.track)
        if (!isWithdrawn(this.board, plan)) await putIn(this.bus, lineOf(plan, this.takers), plan)
      return this.settle(false)
    }
    if (checked.note !== undefined) this.log(`result of ${from} for ${parsed.data.experiment}: ${checked.note}`)
    await this.write({ type: 'experiment-recorded', result: checked.record })
    crashPoint('recorded')
    await this.settle(true)
  }

  /** A cap is reached: nothing new is begun, and the run ends when the last agent has finished what it runs and left. */
  async reach(cap: CapName, why: string): Promise<void> {
    if (this.run.reached !== undefined || this.finished !== undefined) return
    this.log(why)
    await this.write({ type: 'cap-reached', run: this.run.run, cap, why })
    await this.settle(false)
  }

  /** An agent is gone: said so by itself, or silent for too long. Its own line is moved to where others look. */
  async left(agent: string, session: number, reason: string): Promise<void> {
    const known = this.board.agents.get(`${agent}-${session}`)
    if (known === undefined || known.left !== undefined) return
    await this.write({ type: 'agent-left', agent, session, reason })
    for (const fact of lostCalls(this.board, agent)) await this.write(fact)
    await this.tidyLines()
    // The last one to leave a run that has come to a cap ends it.
    if (this.run.reached !== undefined) await this.settle(false)
  }

  /** Agents that are given work of their own. */
  get takers(): string[] {
    return this.roster.names().filter((agent) => !isPaused(this.board, agent))
  }

  /** Nothing waits where nobody looks: not with those who left or rest, and nothing waits that is not wanted any more. */
  async tidyLines(): Promise<void> {
    const resting = new Set(this.roster.names().filter((agent) => isPaused(this.board, agent)))
    const homes = this.roster.present().flatMap(({ agent }) => (resting.has(agent) ? [] : agent))
    await moveLines(this.bus, this.board, this.program.track, homes, this.roster.inHand())
  }
}
