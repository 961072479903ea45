// The plain reporter: what the screen shows, as lines with a time, without an escape byte. For logs, pipes and CI.
import type { Event } from '@swarm/shared/event'
import type { Fold } from './fold.ts'
import type { ExperimentRow, View } from './view.ts'
import { gist } from './facts.ts'
import { spentWords } from './spent.ts'
import { bpb, doing, gainPercent, isSick, outcomeWord, plainText, signed, span } from './words.ts'

/** A verdict follows its result within milliseconds; longer than this it waits for another run, and the line goes out without it. */
const VERDICT_MS = 2_000
const QUIET_MS = 30_000

export class Lines {
  readonly #waiting: { id: string; since: number }[] = []
  #lastLine = Date.now()

  /** `ofAgent`: only what this agent did. */
  constructor(
    readonly fold: Fold,
    readonly write: (line: string) => void,
    readonly ofAgent?: string,
  ) {}

  /** A sentence that comes from no fact, such as a restarted process. */
  note(text: string, now = new Date()): void {
    for (const line of text.split('\n')) this.#line(now, `swarm      ${plainText(line)}`)
  }

  /** The fold has seen the event already. */
  see({ fact }: Event): void {
    const at = new Date(fact.at)
    switch (fact.type) {
      case 'swarm-started':
        return this.#line(
          at,
          `swarm      run ${fact.run} starts: ${count(fact.agents, 'agent')}, seed ${fact.seed}${fact.experiments === undefined ? '' : `, until ${count(fact.experiments, 'experiment')}`}`,
        )
      case 'swarm-stopped':
        return this.#line(at, `swarm      run ${fact.run} ends: ${plainText(fact.reason)}`)
      case 'program-adopted':
        return this.#line(
          at,
          `program    ${fact.program.metric}, ${fact.program.scale === 'cpu' ? '' : `scale ${fact.program.scale}, `}budget ${fact.budget}, seeds ${fact.program.seeds.join(' ')}, noise ${fact.program.noise}`,
        )
      case 'agent-joined':
        return this.#line(
          at,
          `agent      ${fact.agent} joined: ${fact.lane.kind === 'gpu' ? `gpu ${fact.lane.gpu}` : `cores ${fact.lane.cores.join(',')}`} of ${plainText(fact.machine.host)}`,
        )
      case 'agent-left':
        return this.#line(at, `agent      ${fact.agent} left: ${plainText(fact.reason)}`)
      case 'experiment-recorded':
        if (this.ofAgent !== undefined && fact.result.agent !== this.ofAgent) return
        this.#waiting.push({ id: fact.result.experiment, since: Date.now() })
        return this.#flush()
      case 'experiment-planned':
      case 'finding-published':
        return this.#flush()
      case 'best-moved': {
        this.#flush(true)
        const b = fact.best
        if (b.n === 0)
          return this.#line(
            at,
            `best       #0 the recipe as shipped${b.valBpb === undefined ? '' : `: val_bpb ${bpb(b.valBpb)}`}`,
          )
        return this.#line(
          at,
          `best       #${b.n} val_bpb ${bpb(b.valBpb)}${below(this.fold.view())}, gain ${signed(b.gain)}, seeds ${b.seeds.join(' ')}: ${plainText(b.title ?? '')}`,
        )
      }
      case 'cap-reached':
        return this.#line(at, `cap        ${plainText(gist(fact))}`)
      case 'hypothesis-vetoed':
      case 'focus-set':
      case 'agent-paused':
        return this.#line(at, `people     ${plainText(gist(fact))}`)
      default:
        return
    }
  }

  /** Called about once a second: lines that waited long enough, and a sign of life when nothing happens. */
  tick(now = Date.now()): void {
    this.#flush()
    if (now - this.#lastLine < QUIET_MS) return
    const view = this.fold.view()
    const agents = view.agents.filter((a) => a.present).map((a) => `${a.name} ${doing(a)}`)
    this.#line(
      new Date(now),
      `...        ${progress(view)}${agents.length === 0 ? '; no agent yet' : `; ${agents.join(', ')}`}`,
    )
  }

  end(): void {
    this.#flush(true)
  }

  #flush(all = false): void {
    for (let w = this.#waiting[0]; w !== undefined; w = this.#waiting[0]) {
      const row = this.fold.experiments.get(w.id)
      if (
        row !== undefined &&
        !all &&
        row.outcome === 'measured' &&
        row.kind !== 'baseline' &&
        Date.now() - w.since < VERDICT_MS
      )
        return
      this.#waiting.shift()
      if (row !== undefined) this.#line(new Date(row.at ?? Date.now()), experimentLine(row))
    }
  }

  #line(at: Date, text: string): void {
    this.#lastLine = Date.now()
    this.write(`${clock(at)}  ${text}`)
  }
}

/** id, kind, outcome, score, gain over its base, seed, seconds, agent, title: always in this order. */
export function experimentLine(row: ExperimentRow): string {
  const cells = [
    row.id,
    row.kind.padEnd(8),
    outcomeWord(row).padEnd(10),
    `val_bpb ${bpb(row.valBpb).padStart(7)}`,
    ...(row.kind === 'baseline' ? [] : [`gain ${signed(row.gain).padStart(8)}`]),
    `seed ${row.seed}`,
    `${(row.seconds ?? 0).toFixed(1)} s`,
    row.agent ?? '-',
    row.hypothesis === undefined ? plainText(row.title) : `${row.hypothesis} ${plainText(row.title)}`,
  ]
  return `experiment ${cells.join('  ')}${row.cause === undefined ? '' : ` (${plainText(row.cause).slice(0, 200)})`}`
}

/** One line that says where the swarm stands. */
export function progress(view: View): string {
  const done =
    view.run?.wanted === undefined
      ? count(view.doneInRun, 'experiment')
      : `${view.doneInRun} of ${count(view.run.wanted, 'experiment')}`
  return `${done} done, ${bestSoFar(view)}`
}

export const bestSoFar = (view: View): string => `best ${bpb(view.best?.valBpb)}${below(view)}`

function below(view: View): string {
  const gain = gainPercent(view)
  return gain === undefined || view.best?.n === 0 ? '' : ` (${gain.toFixed(2)}% below the baseline)`
}

export const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`

function clock(at: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0')
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}

/** Lanes whose GPU was given up: whoever comes in the morning has to know. */
const sickLanes = ({ agents }: View): string[] =>
  agents.flatMap(({ name, left = '' }) => (isSick(left) ? `${name}: ${plainText(left)}` : []))

/** The last words of a run. */
export function closing(view: View, seconds: number, command: (verb: string) => string): string[] {
  const next = [
    [command('board'), 'every experiment'],
    [command('best --checkout DIR'), 'take the best recipe home'],
    [command('up'), 'go on from here'],
  ] as const
  const width = Math.max(...next.map(([typed]) => typed.length))
  const others = Object.entries(view.outcomes)
    .filter(([, n]) => n > 0)
    .map(([outcome, n]) => `${outcome === 'measured' ? 'baseline' : outcome} ${n}`)
  const gain = gainPercent(view)
  const promotions = view.bests.filter((b) => b.n > 0)
  return [
    '',
    `baseline     val_bpb ${bpb(view.baseline)}`,
    `best         val_bpb ${bpb(view.best?.valBpb)}${gain === undefined ? '' : `, ${gain.toFixed(2)}% below the baseline`}${view.best === undefined ? '' : `, commit ${view.best.commit.slice(0, 12)}`}`,
    `promotions   ${promotions.length === 0 ? 'none yet' : promotions.length}`,
    ...promotions.map(
      (b) =>
        `  #${b.n} ${bpb(b.valBpb)}  gain ${signed(b.gain)}  seeds ${b.seeds.join(' ')}  ${b.hypothesis ?? ''} ${plainText(b.title ?? '')}`,
    ),
    `experiments  ${view.done}${others.length === 0 ? '' : ` (${others.join(', ')})`}`,
    ...(view.spent === undefined
      ? []
      : [`models       ${spentWords(view.spent)}, ${view.spent.calls} calls, ${view.spent.tokens} tokens`]),
    ...sickLanes(view).map((reason) => `given up     ${reason}`),
    `time         ${span(seconds)}`,
    ...(view.run?.reached === undefined ? [] : [`ended        ${plainText(view.run.reached)}`]),
    '',
    'Next:',
    ...next.map(([typed, what]) => `  ${typed.padEnd(width)}   ${what}`),
  ]
}
