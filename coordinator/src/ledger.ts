// The ledger and the board side by side: a fact is written to the stream, then folded. The stream is right; the board follows.
import { DeliverPolicy } from '@nats-io/jetstream'
import type { Bus } from '@swarm/shared/bus'
import { type Event, Fact } from '@swarm/shared/event'
import { subject } from '@swarm/shared/subjects'
import { LedgerBroken } from './board/fold.ts'
import type { Board } from './board/schema.ts'
import type { Store } from './board/store.ts'
import type { FactToWrite } from './decide/situation.ts'

const BATCH = 500

export class Ledger {
  constructor(
    readonly bus: Bus,
    private readonly store: Store,
    private readonly log: (line: string) => void,
  ) {}

  get board(): Board {
    return this.store.board
  }

  /** Writes a fact and folds it. When its key was taken, the earlier fact stands. */
  async write(fact: FactToWrite): Promise<void> {
    // What is folded has been through JSON, as what a later rebuild reads: the same bytes.
    const stored = Fact.parse(JSON.parse(JSON.stringify({ ...fact, at: new Date().toISOString() })))
    const { already, seq } = await this.bus.publishFact(stored)
    if (already || seq !== this.board.seq + 1) return this.catchUp()
    await this.store.apply([{ seq, fact: stored }])
  }

  /** Folds everything the stream has and the board does not. */
  async catchUp(): Promise<void> {
    const last = await this.bus.lastSeq()
    if (last < this.board.seq) await this.refill(last)
    if (last <= this.board.seq) return
    const reader = await this.bus.js.consumers.get('LEDGER', {
      deliver_policy: DeliverPolicy.StartSequence,
      opt_start_seq: this.board.seq + 1,
    })
    const messages = await reader.consume()
    let batch: Event[] = []
    for await (const m of messages) {
      const fact = Fact.safeParse(m.json())
      if (fact.success) batch.push({ seq: m.seq, fact: fact.data })
      else this.log(`ledger ${m.seq}: not a fact this version knows, skipped`)
      if (batch.length >= BATCH || m.seq >= last) {
        await this.store.apply(batch)
        batch = []
      }
      if (m.seq >= last) break
    }
    messages.stop()
  }

  /** The server lost the end of the ledger (an old version, a power cut): the board's own copy of the facts is put back, place by place. */
  private async refill(last: number): Promise<void> {
    this.log(
      `the ledger ends at ${last}, the board knows ${this.board.seq}: putting ${this.board.seq - last} facts back`,
    )
    for (let seq = last + 1; seq <= this.board.seq; seq++) {
      const fact = this.board.facts.get(seq)
      const ack =
        fact === undefined
          ? undefined
          : await this.bus.js.publish(subject.ledger(fact), JSON.stringify(fact), { expect: { lastSequence: seq - 1 } })
      if (ack?.seq !== seq)
        throw new LedgerBroken(
          `the ledger lost facts after ${last} and they cannot be put back in place (at ${seq}). Keep this home as it is and start a new one: --home DIR`,
        )
    }
  }
}
