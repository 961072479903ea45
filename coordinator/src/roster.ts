// The roster: who is here. A pulse keeps an agent on it, 45 s of silence take it off.
import type { Heartbeat } from '@swarm/shared/event'
import { SILENCE_MS } from '@swarm/shared/subjects'
import type { AgentRecord, Board } from './board/schema.ts'

export class Roster {
  readonly #seen = new Map<string, number>()
  readonly #hands = new Map<string, string[]>()
  #since: number

  constructor(
    private readonly board: () => Board,
    private readonly now: () => number = Date.now,
    private readonly silence = SILENCE_MS,
  ) {
    this.#since = now()
  }

  see(beat: Heartbeat): void {
    const key = `${beat.agent}-${beat.session}`
    this.#seen.set(key, this.now())
    this.#hands.set(
      key,
      [beat.experiment, beat.next].filter((id) => id !== undefined),
    )
  }

  /** Everybody gets the full time again: this process itself was not listening. */
  forgive(): void {
    for (const key of this.#seen.keys()) this.#seen.set(key, this.now())
    this.#since = this.now()
  }

  joined(agent: string, session: number): void {
    this.#seen.set(`${agent}-${session}`, this.now())
  }

  /** Latest session of every agent that has not left. */
  present(): AgentRecord[] {
    const latest = new Map<string, AgentRecord>()
    for (const a of this.board().agents.values())
      if (a.left === undefined && (latest.get(a.agent)?.session ?? 0) < a.session) latest.set(a.agent, a)
    return [...latest.values()].sort((a, b) => (a.agent < b.agent ? -1 : 1))
  }

  /** Those of them that this coordinator has heard: only they are given work of their own. */
  names(): string[] {
    return this.present()
      .filter((a) => this.#seen.has(`${a.agent}-${a.session}`))
      .map((a) => a.agent)
  }

  /** Experiments that those here worked on when they were last heard. */
  inHand(): Set<string> {
    return new Set(this.present().flatMap((a) => this.#hands.get(`${a.agent}-${a.session}`) ?? []))
  }

  /** Present on the board, but not heard of for too long; a coordinator that has just started gives everybody the full time. */
  silent(): AgentRecord[] {
    return this.present().filter(
      (a) => this.now() - (this.#seen.get(`${a.agent}-${a.session}`) ?? this.#since) > this.silence,
    )
  }

  /** Sessions ever opened under this name. */
  sessions(agent: string): number {
    return Math.max(0, ...[...this.board().agents.values()].filter((a) => a.agent === agent).map((a) => a.session))
  }

  /** The first of a1, a2, … that nobody here has. */
  freeName(): string {
    const taken = new Set(this.present().map((a) => a.agent))
    for (let i = 1; ; i++) if (!taken.has(`a${i}`)) return `a${i}`
  }
}
