// Proposing: with the director off, an agent whose researcher reads and has nothing to do thinks of something itself.
import type { Bus } from '@swarm/shared/bus'
import type { Membership } from './membership.ts'
import type { Researcher } from './researchers/researcher.ts'
import { Backoff } from './waiting.ts'

const COUNT = 3

interface Has {
  bus: Bus
  membership: Membership
  researcher: Researcher
}

export class Proposing {
  /** Nothing is asked before this, by the monotonic clock. */
  #next = 0
  readonly #backoff = new Backoff(4_000, 300_000)

  #thinking = false

  /** Thinks beside the loop, one round at a time, when it is time again: what is taken comes back as work. */
  begin(has: Has, signal: AbortSignal): void {
    const { proposes } = has.membership.current
    if (proposes !== true || this.#thinking || performance.now() < this.#next) return
    this.#thinking = true
    void this.#round(has, signal).finally(() => {
      this.#next = performance.now() + this.#backoff.next()
      this.#thinking = false
    })
  }

  /** digest → model → propose. Never rejects. */
  async #round({ researcher, membership, bus }: Has, signal: AbortSignal): Promise<void> {
    const { agent, session, program } = membership.current
    if (researcher.propose === undefined) return
    try {
      const { text } = await bus.ask('digest', { agent })
      const made = await researcher.propose({ digest: text, program, count: COUNT }, signal)
      if ('nothing' in made || made.length === 0) {
        bus.log(`no proposal: ${'nothing' in made ? made.nothing : 'the model has none'}`)
        return
      }
      if (signal.aborted) return
      const reply = await bus.ask('propose', { agent, session, proposals: made })
      if ('refused' in reply) {
        bus.log(`proposals refused: ${reply.refused}`)
        return
      }
      for (const { title, why } of reply.notTaken) bus.log(`not taken: ${title}: ${why}`)
      if (reply.taken.length > 0) this.#backoff.reset()
    } catch (error) {
      bus.log(`no proposal: ${(error as Error).message}`)
    }
  }
}
