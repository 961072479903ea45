// The purse as those who spend see it: a reservation before each request to a model, a settlement after it (docs/decisions/0005).
import type { Call, CallEnd, Limits } from '../call.ts'
import type { AskReply } from '../subjects.ts'

export type Reservation = AskReply<'reserve'>

export interface Purse {
  /**
   * Once for each request that goes out, with a new id. `upTo.input` is an over-estimate, and any of it may be billed as a cache write;
   * `upTo.output` is what the provider is told not to pass. Rejects only when nobody can tell (an outage): nothing is granted then.
   */
  reserve(call: Call): Promise<Reservation>
  /** Once for each granted call, whatever came of it. Safe to repeat. */
  settle(end: CallEnd, limits?: Limits): Promise<void>
}
