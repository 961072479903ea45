// A hub for agents under test: a real nats-server with the swarm's real streams, a checkout with the fake trainer, and the
// smallest coordinator that can be: it hands out what a test plans, records what comes back, and decides nothing.
import { spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureConsumer, ensureStreams, workConsumer } from '@swarm/coordinator/streams'
import { type Server, startServer } from '@swarm/coordinator/server'
import { type Bus, openBus } from '@swarm/shared/bus'
import type { Heartbeat } from '@swarm/shared/event'
import type { Experiment } from '@swarm/shared/experiment'
import { git } from '@swarm/shared/git'
import { Program } from '@swarm/shared/program'
import { Result } from '@swarm/shared/result'
import { bundleObject, consumer, dataObject, subject } from '@swarm/shared/subjects'
import { trackOf } from '@swarm/shared/track'
import { type Checkout, makeCheckout, sha256 } from '../support/checkout.ts'

export const BUDGET = 'work:1s'
const ROOT = new URL('../..', import.meta.url).pathname

export interface Hub {
  dir: string
  home: string
  server: Server
  bus: Bus
  checkout: Checkout
  track: string
  /** Every result in the order it arrived, also second ones. */
  results: Result[]
  beats: Heartbeat[]
  asked: string[]
  /** Answered to ask.duplicate. */
  duplicateOf: string | undefined
  /** Said to those who join. */
  paused: boolean
  proposes: boolean
  experiment(id: number, more?: Partial<Experiment>): Experiment
  plan(experiment: Experiment, line?: 'first' | 'any' | 'read' | { agent: string }): Promise<void>
  result(id: string, ms?: number): Promise<Result>
  agent(name: string, more?: string[], env?: Record<string, string>): AgentProcess
  /** What is claimed and not acknowledged is handed out again at once, as a minute without beats would have it. */
  expireLeases(): Promise<void>
  close(): Promise<void>
}

export interface AgentProcess {
  process: ChildProcess
  ended: Promise<number | string>
  stderr: () => string
  kill(signal: NodeJS.Signals): void
}

const LEVELS = {
  h: (n: number): string => `h${String(n).padStart(4, '0')}`,
  e: (n: number): string => `e${String(n).padStart(4, '0')}`,
}

export async function openHub(
  options: { seconds?: number; program?: Partial<Program>; wait?: number } = {},
): Promise<Hub> {
  const dir = mkdtempSync(join(tmpdir(), 'swarm-agent-'))
  const home = join(dir, 'home')
  const checkout = await makeCheckout(dir, options)
  const server = await startServer({ home, log: () => {} })
  const bus = await openBus({ url: server.url, name: 'coordinator' })
  await ensureStreams(bus)
  const program = Program.parse({ budget: BUDGET, ...options.program })
  const track = trackOf({ manifest: checkout.manifest, frozen: checkout.frozen, budget: BUDGET, machine: 'any' })
  const results: Result[] = []
  const beats: Heartbeat[] = []
  const asked: string[] = []
  const agents: AgentProcess[] = []
  const sessions = new Map<string, number>()
  const jsm = await bus.manager()
  let decided = 0

  bus.onHeartbeat((beat) => beats.push(beat))
  const files = Object.entries(
    (
      JSON.parse(readFileSync(join(checkout.data, 'manifest.json'), 'utf8')) as {
        files: Record<string, { sha256: string }>
      }
    ).files,
  )
  bus.answer('join', async (request) => {
    asked.push('join')
    const agent = request.name ?? `a${sessions.size + 1}`
    const session = (sessions.get(agent) ?? 0) + 1
    sessions.set(agent, session)
    await ensureConsumer(jsm, 'WORK', workConsumer(consumer.workFor(agent), `work.for.${agent}.>`))
    await bus.publishFact({
      type: 'agent-joined',
      at: new Date().toISOString(),
      agent,
      session,
      lane: request.lane,
      machine: request.machine,
    })
    decided = await bus.lastSeq()
    return {
      agent,
      session,
      program,
      budget: BUDGET,
      track,
      manifest: checkout.manifest,
      best: checkout.head,
      seed: 1,
      ...(hub.paused ? { paused: true } : {}),
      ...(hub.proposes ? { proposes: true } : {}),
      dataFiles: files.map(([name, { sha256: hash }]) => ({ name, sha256: hash })),
    }
  })
  bus.answer('leave', async ({ reason }) => {
    asked.push(`leave: ${reason}`)
    return { ok: true }
  })
  bus.answer('ping', async () => ({ run: 1, seq: decided, pid: process.pid }))
  bus.answer('duplicate', async () => {
    asked.push('duplicate')
    return hub.duplicateOf === undefined ? {} : { duplicateOf: hub.duplicateOf }
  })
  bus.answer('bundle', async ({ commit }) => {
    asked.push('bundle')
    const file = join(dir, `${commit}.bundle`)
    await git(checkout.dir, ['update-ref', `refs/heads/bundle-${commit.slice(0, 8)}`, commit])
    await git(checkout.dir, ['bundle', 'create', '-q', file, `bundle-${commit.slice(0, 8)}`])
    await bus.putObject(bundleObject(commit), readFileSync(file))
    return { object: bundleObject(commit) }
  })

  const taking = (async () => {
    const durable = await bus.js.consumers.get('RES', consumer.results)
    for await (const m of await durable.consume()) {
      const result = Result.parse(m.json())
      const { already } = await bus.publishFact({ type: 'experiment-recorded', at: new Date().toISOString(), result })
      if (!already) decided = await bus.lastSeq()
      results.push(result)
      m.ack()
    }
  })().catch(() => {})

  const hub: Hub = {
    dir,
    home,
    server,
    bus,
    checkout,
    track,
    results,
    beats,
    asked,
    duplicateOf: undefined,
    paused: false,
    proposes: false,
    experiment: (n, more = {}) => ({
      id: LEVELS.e(n),
      kind: 'baseline',
      base: checkout.head,
      seed: n,
      budget: BUDGET,
      track,
      round: 1,
      ...more,
    }),
    plan: async (experiment, line = 'first') => {
      const to =
        line === 'first'
          ? subject.workFirst(experiment.id)
          : line === 'any'
            ? subject.workAny(experiment.id)
            : line === 'read'
              ? subject.workRead(experiment.id)
              : subject.workFor(line.agent, experiment.id)
      await bus.js.publish(to, JSON.stringify(experiment))
    },
    result: async (id, ms = 60_000) => {
      for (const deadline = Date.now() + ms; Date.now() < deadline; await new Promise((r) => setTimeout(r, 20))) {
        const found = results.find((r) => r.experiment === id)
        if (found !== undefined) return found
      }
      throw new Error(
        `no result of ${id} in ${ms} ms; there are: ${results.map((r) => `${r.experiment} ${r.outcome} ${r.cause ?? ''}`).join('; ')}${agents.map((a) => a.stderr()).join('')}`,
      )
    },
    agent: (name, more = [], env = {}) => {
      const args = [
        '--import',
        'tsx',
        'agent/src/main.ts',
        '--url',
        server.agentUrl,
        '--home',
        home,
        '--checkout',
        checkout.dir,
        '--name',
        name,
        '--lane',
        'cpu:0',
        ...more,
      ]
      const child = spawn(process.execPath, more.includes('--data') ? args : [...args, '--data', checkout.data], {
        cwd: ROOT,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, OPENAI_API_KEY: 'sk-canary', ...env },
      })
      let stderr = ''
      child.stderr?.on('data', (d: Buffer) => {
        stderr += d.toString()
      })
      child.stdout?.resume()
      const ended = new Promise<number | string>((done) =>
        child.on('exit', (code, signal) => done(code ?? signal ?? 'unknown')),
      )
      const agent = {
        process: child,
        ended,
        stderr: () => stderr,
        kill: (signal: NodeJS.Signals) => void child.kill(signal),
      }
      agents.push(agent)
      return agent
    },
    expireLeases: async () => {
      // The server looks again at what is out when the ack wait changes.
      for (const wait of [1, 60]) {
        await jsm.consumers.update('WORK', consumer.workFirst, { ack_wait: wait * 1e9 })
        if (wait === 1) await new Promise((r) => setTimeout(r, 1_200))
      }
    },
    close: async () => {
      for (const agent of agents) if (agent.process.exitCode === null) agent.kill('SIGKILL')
      await bus.close()
      await taking
      await server.stop()
      if (!process.env.KEEP) rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  return hub
}

/** Puts the data set into the object store, as the coordinator does at start. */
export async function publishData(hub: Hub): Promise<void> {
  for (const name of ['manifest.json', 'train-000.bin', 'val.bin', 'hidden.bin']) {
    const bytes = readFileSync(join(hub.checkout.data, name))
    await hub.bus.putObject(dataObject(sha256(bytes)), bytes)
  }
}

/** A screen of knobs. */
export function knobs(
  hub: Hub,
  n: number,
  edits: { knob: string; value: string }[],
  more: Partial<Experiment> = {},
): Experiment {
  const hypothesis = {
    id: LEVELS.h(n),
    title: `Set ${edits.map((e) => `${e.knob} to ${e.value}`).join(' and ')}`,
    origin: 'search' as const,
    edits,
  }
  return hub.experiment(n, { kind: 'screen', seed: 1, hypothesis, ...more })
}

/** A screen of a given diff, as a person hands it in. */
export function given(hub: Hub, n: number, diff: string, more: Partial<Experiment> = {}): Experiment {
  return hub.experiment(n, {
    kind: 'screen',
    seed: 1,
    hypothesis: { id: LEVELS.h(n), title: `Diff ${n}`, origin: 'human', edits: [], diff },
    ...more,
  })
}

/** Looks again and again until something holds. */
export async function until(what: string, holds: () => Promise<boolean> | boolean, ms = 60_000): Promise<void> {
  for (const deadline = Date.now() + ms; !(await holds()); await new Promise((r) => setTimeout(r, 25)))
    if (Date.now() > deadline) throw new Error(`not in ${ms} ms: ${what}`)
}
