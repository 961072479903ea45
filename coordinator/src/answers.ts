// Answers to what agents and people ask, one question a file. A refusal is a value with a sentence; a question that needs the board
// waits for its turn.
import type { Subscription } from '@nats-io/nats-core'
import { digestFor } from './answers/digest.ts'
import { duplicate } from './answers/duplicate.ts'
import { focus } from './answers/focus.ts'
import { join } from './answers/join.ts'
import { pause } from './answers/pause.ts'
import { propose } from './answers/propose.ts'
import { suggest } from './answers/suggest.ts'
import { veto } from './answers/veto.ts'
import type { Coordinator } from './coordinator.ts'
import type { Proposers } from './director/proposers.ts'
import type { Ground } from './ground.ts'
import { hasCommit } from './hub.ts'
import { putBundle } from './promotion.ts'
import type { Purse } from './purse/purse.ts'

/** `proposers`: with the director off, the agents that propose for themselves. */
export function answerAll(c: Coordinator, ground: Ground, purse: Purse, proposers?: Proposers): Subscription[] {
  const { bus } = c
  return [
    bus.answer('join', (request) => c.turn(() => join(c, ground, request, proposers !== undefined))),
    bus.answer('leave', (request) =>
      c.turn(async () => {
        await c.left(request.agent, request.session, request.reason)
        return { ok: true as const }
      }),
    ),
    bus.answer('bundle', async ({ commit }) =>
      (await hasCommit(c.hub, commit))
        ? { object: await putBundle(bus, c.hub, commit) }
        : { refused: `the hub has no commit ${commit.slice(0, 10)}` },
    ),
    bus.answer('duplicate', (request) => c.turn(async () => duplicate(c, request))),
    bus.answer('suggest', (request) => c.turn(() => suggest(c, request))),
    bus.answer('digest', (request) => c.turn(() => digestFor(c, proposers, request))),
    bus.answer('propose', (request) => c.turn(() => propose(c, proposers, request))),
    bus.answer('reserve', ({ call }) => purse.reserve(call)),
    bus.answer('settle', async ({ end, limits }) => {
      await purse.settle(end, limits)
      return { ok: true as const }
    }),
    bus.answer('veto', (request) => c.turn(() => veto(c, request))),
    bus.answer('focus', (request) => c.turn(() => focus(c, request))),
    bus.answer('pause', (request) => c.turn(() => pause(c, request))),
    // In turn, so that what follows from every recorded result is out when the answer comes.
    bus.answer('ping', () => c.turn(async () => ({ run: c.run.run, seq: c.board.seq, pid: process.pid }))),
  ]
}
