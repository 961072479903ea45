// A real nats-server that tells the story of story.ts, with two agents that beat; what `swarm watch` and the screen are tried against.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { openBus } from '@swarm/shared/bus'
import type { Fact } from '@swarm/shared/event'
import { STREAMS, subject } from '@swarm/shared/subjects'
import { startServer } from '../../coordinator/src/server.ts'
import { beat, facts } from './story.ts'

export interface Hub {
  url: string
  home: string
  tell(fact: Fact): Promise<void>
  close(): Promise<void>
}

export async function storyHub(): Promise<Hub> {
  const home = mkdtempSync(path.join(tmpdir(), 'swarm-tui-'))
  const server = await startServer({ home, log: () => {} })
  const bus = await openBus({ url: server.url, name: 'coordinator' })
  await (await jetstreamManager(bus.nc)).streams.add({
    name: 'LEDGER',
    subjects: [...STREAMS.LEDGER.subjects],
    max_msgs_per_subject: 1,
  })
  const js = jetstream(bus.nc)
  const tell = async (fact: Fact): Promise<void> => {
    await js.publish(subject.ledger(fact), JSON.stringify(fact))
  }
  for (const fact of facts(Date.now() - 90_000)) await tell(fact)
  let step = 0
  const beats = setInterval(() => {
    step = (step + 5) % 500
    for (const agent of ['a1', 'a2']) bus.beat(beat(agent, step))
  }, 200)
  return {
    url: server.agentUrl,
    home,
    tell,
    close: async () => {
      clearInterval(beats)
      await bus.close()
      await server.stop()
      rmSync(home, { recursive: true, force: true })
    },
  }
}
