// Membership: joining the swarm, and joining again when the coordinator took this agent for gone or adopted another program.
import { type Bus, HubUnreachable } from '@swarm/shared/bus'
import type { Lane, Machine } from '@swarm/shared/event'
import type { ResearcherOf } from '@swarm/shared/researcher'
import type { AskReply } from '@swarm/shared/subjects'
import type { Ledger } from './ledger.ts'
import { Rest } from './rest.ts'
import { Backoff } from './waiting.ts'

export type Member = Exclude<AskReply<'join'>, { refused: string }>

/** The coordinator does not want this agent; its sentence says why. */
export class JoinRefused extends Error {
  override name = 'JoinRefused'
}

export interface Wish {
  name?: string
  lane: Lane
  machine: Machine
  frozen: string
  manifest?: string
  researcher?: ResearcherOf
}

const FACT_MS = 3_000

export class Membership {
  #member: Member | undefined
  #again: Promise<void> | undefined
  #left = false
  #rest = new Rest()
  /** Where in the ledger who joined: the fact may be there before the answer is. */
  readonly #joins = new Map<string, number>()

  constructor(
    private readonly bus: Bus,
    private readonly ledger: Ledger,
    private readonly wish: Wish,
  ) {
    ledger.hear(({ seq, fact }) => {
      if (fact.type === 'agent-joined') this.#joins.set(`${fact.agent}-${fact.session}`, seq)
      if (fact.type === 'agent-paused') this.#rest.hear(seq, fact)
    })
  }

  /** People want this agent to rest: it finishes what it runs and claims nothing. */
  get rest(): Rest {
    return this.#rest
  }

  get current(): Member {
    if (this.#member === undefined) throw new Error('join first')
    return this.#member
  }

  /** Asks until there is an answer or `patienceMs` have passed; then waits for the fact of it and for the work that follows. */
  async join(patienceMs: number, signal: AbortSignal): Promise<Member> {
    const deadline = performance.now() + patienceMs
    const backoff = new Backoff(250, 3_000)
    for (;;) {
      try {
        const reply = await this.bus.ask('join', this.wish)
        if ('refused' in reply) throw new JoinRefused(reply.refused)
        this.#member = reply
        const seq =
          this.#joins.get(`${reply.agent}-${reply.session}`) ??
          (await this.ledger
            .wait(
              (fact) => fact.type === 'agent-joined' && fact.agent === reply.agent && fact.session === reply.session,
              signal,
            )
            .within(FACT_MS))
        this.#rest.told(reply, seq)
        if (seq !== undefined) await this.ledger.decided(seq, FACT_MS, signal)
        return reply
      } catch (error) {
        if (!(error instanceof HubUnreachable) || performance.now() > deadline || signal.aborted) throw error
        await backoff.wait(signal)
      }
    }
  }

  /** Follows the ledger and joins again when this session was ended by others, or the program changed. */
  keep(signal: AbortSignal, giveUp: (error: Error) => void): void {
    this.ledger.hear(({ fact }) => {
      if (this.#left || signal.aborted) return
      const { agent, session } = this.current
      const lost = fact.type === 'agent-left' && fact.agent === agent && fact.session === session
      if (fact.type === 'program-adopted' && fact.track === this.current.track) {
        // Other prose or thresholds: nothing this agent has prepared or runs is touched by it.
        this.#member = { ...this.current, program: fact.program }
        return
      }
      if (!lost && fact.type !== 'program-adopted') return
      this.wish.name = agent
      this.bus.log(
        lost ? 'the coordinator took this agent for gone; joining again' : 'the program changed; joining again',
      )
      this.#again = this.join(Number.POSITIVE_INFINITY, signal).then(() => {}, giveUp)
    })
  }

  /** Resolves when no joining is under way. */
  async settled(): Promise<void> {
    await this.#again
  }

  async leave(reason: string): Promise<void> {
    this.#left = true
    if (this.#member === undefined) return
    const { agent, session } = this.#member
    await this.bus.ask('leave', { agent, session, reason }, 1_500).catch(() => {})
  }
}
