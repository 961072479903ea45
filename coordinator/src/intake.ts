// The intake: results one by one, in the order they were handed in. A message is acknowledged when everything that follows from it
// is published; a coordinator killed before that sees it again.
import { type Bus, PULLS } from '@swarm/shared/bus'
import { consumer } from '@swarm/shared/subjects'
import { crashPoint } from './crash.ts'
import type { Coordinator } from './coordinator.ts'
import { RESULT_LEASE_MS } from './streams.ts'

/** Takes results for ever; settles when those that were handed in before this call are recorded. */
export async function takeResults(bus: Bus, c: Coordinator, fail: (error: unknown) => void): Promise<void> {
  const jsm = await bus.manager()
  const last = (await jsm.streams.info('RES')).state.last_seq
  const results = await bus.js.consumers.get('RES', consumer.results)
  const { num_pending, num_ack_pending } = await results.info()
  const messages = await results.consume({ ...PULLS, max_messages: 1 })
  let caughtUp: () => void = () => {}
  const waited = new Promise<void>((resolve) => {
    caughtUp = resolve
  })
  if (num_pending + num_ack_pending === 0) caughtUp()
  void (async () => {
    for await (const m of messages) {
      const beat = setInterval(() => m.working(), RESULT_LEASE_MS / 2)
      try {
        await c.turn(async () => {
          if (c.finished !== undefined) return
          const [, agent = '', experiment = ''] = m.subject.split('.')
          await c.take(agent, experiment, json(m.data))
          crashPoint('decided')
          m.ack()
        })
      } finally {
        clearInterval(beat)
      }
      // A run that is over takes no more: those that still wait are for the next one.
      if (m.seq >= last || c.finished !== undefined) caughtUp()
    }
    if (!c.closing) throw new Error('the hub hands out no more results; starting again')
  })().catch(fail)
  return waited
}

function json(data: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(data))
  } catch {
    return undefined
  }
}
