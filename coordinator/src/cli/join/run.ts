// The foreground of `swarm join`: one agent, started again when it dies; the swarm's facts as lines beside it.
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { Fold } from '../../tui/fold.ts'
import { Lines } from '../../tui/lines.ts'
import { showLines, type Show } from '../../tui/show.ts'
import { keepRunning } from '../../processes.ts'
import { openHub, withoutCredentials } from '../hub.ts'
import type { JoinOptions } from './options.ts'
import { data } from '../output.ts'
import { holdHome } from '../record.ts'
import { stopRequests } from '../stop.ts'
import { allowedCores } from '@swarm/shared/cores'
import { castOf } from '../up/cast.ts'
import { agentPart } from '../up/parts.ts'
import { makeTrainer } from '../up/ready.ts'

const GRACE_MS = 5_000

export async function joinSwarm(url: string, options: JoinOptions): Promise<void> {
  const { home, checkout, name, baseUrl, script } = options
  const [researcher] = castOf({ ...options, director: 'off' }, 1).agents
  mkdirSync(path.join(home, 'logs'), { recursive: true, mode: 0o700 })
  const hold = holdHome(home, { agents: 1, checkout, data: options.data ?? '' })
  const stop = stopRequests(() => hold.release())
  const early = new Lines(new Fold(), data)
  let show: Show | undefined
  const note = (text: string): void => (show ?? early).note(text)
  try {
    // Asked first, so that a wrong URL is known before anything is built.
    const bus = await openHub(url, 'join')
    await makeTrainer(checkout, note)
    const place = withoutCredentials(url)
    note(`joining the swarm at ${place}`)
    const part = agentPart({
      url,
      home,
      checkout,
      lane: options.gpu === undefined ? `cpu:${(options.cores ?? allowedCores()).join(',')}` : `gpu:${options.gpu}`,
      ...(researcher === undefined ? {} : { researcher }),
      ...(baseUrl === undefined ? {} : { baseUrl }),
      ...(script === undefined ? {} : { script }),
      ...(name === undefined ? {} : { name }),
      ...(options.data === undefined ? {} : { data: options.data }),
    })
    const agent = keepRunning(part, {
      started: (who) => hold.update({ state: 'running', children: [{ name: part.name, ...who }] }),
      line: (line) => {
        const joined = joinedAs(line)
        if (joined === undefined) return
        note(`joined as ${joined}`)
        show ??= showLines(bus, { since: Date.now(), place, ofAgent: joined }, data)
      },
      died: (how, delayMs) => note(`the agent ${how}; starting it again in ${(delayMs / 1000).toFixed(1)} s`),
    })
    void stop.asked.then(() => {
      note('leaving')
      return agent.stop(GRACE_MS)
    })
    try {
      const how = await agent.done
      if (how === 'finished') note('the swarm has ended; this agent is done')
    } finally {
      await show?.close()
      await bus.close()
    }
  } finally {
    stop.forget()
    hold.release()
  }
}

/** The agent's first line says the name the hub gave it. */
function joinedAs(line: string): string | undefined {
  try {
    const said = JSON.parse(line) as { joined?: unknown }
    return typeof said.joined === 'string' ? said.joined : undefined
  } catch {
    return undefined
  }
}
