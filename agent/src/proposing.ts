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

  /** One round: digest → model → propose. True when something was taken and work is to be expected. Never rejects. */
  async round({ researcher, membership, bus }: Has, signal: AbortSignal): Promise<boolean> {
    const { agent, session, program, proposes } = membership.current
    if (proposes !== true || researcher.propose === undefined || performance.now() < this.#next) return false
    this.#next = performance.now() + this.#backoff.next()
    try {
      const { text } = await bus.ask('digest', { agent })
      const made = await researcher.propose({ digest: text, program, count: COUNT }, signal)
      if ('nothing' in made || made.length === 0) {
        bus.log(`no proposal: ${'nothing' in made ? made.nothing : 'the model has none'}`)
        return false
      }
      if (signal.aborted) return false
      const reply = await bus.ask('propose', { agent, session, proposals: made })
      if ('refused' in reply) {
        bus.log(`proposals refused: ${reply.refused}`)
        return false
      }
      for (const { title, why } of reply.notTaken) bus.log(`not taken: ${title}: ${why}`)
      if (reply.taken.length === 0) return false
      this.#backoff.reset()
      return true
    } catch (error) {
      bus.log(`no proposal: ${(error as Error).message}`)
      return false
    }
  }
}
