// The foreground of `swarm up`: nats-server, the coordinator and this machine's agents, each started again when it dies,
// all of them stopped in under ten seconds.
import { CrashLoop, delayAfter, GaveUp, keepRunning, type Kept, type Watching } from '../../processes.ts'
import { type Server, startServer, useServer } from '../../server.ts'
import { type Identity, identityOf } from '../../server/identity.ts'
import { describeEnd } from '@swarm/shared/exec'
import type { ResearcherOf } from '@swarm/shared/researcher'
import { agentPart, coordinatorPart, type CoordinatorOptions } from './parts.ts'

export interface SwarmOptions extends Omit<CoordinatorOptions, 'url'> {
  /** Agents of this machine are called a1, a2 … with `a` as the prefix. */
  prefix: string
  /** One for each agent. */
  /** One an agent: `cpu:0,1` or `gpu:3`. */
  lanes: readonly string[]
  researchers: readonly ResearcherOf[]
  script?: string
  /** A nats-server that is yours; else one is started. */
  nats?: string
  listen?: string
}

export interface Tell {
  /** A sentence for people. */
  note(text: string): void
  /** The processes that run now, whenever one comes or goes. */
  processes(list: (Identity & { name: string })[]): void
}

export interface Supervisor {
  readonly server: Server
  /** The coordinator answers (or has not for a minute, and agents were started all the same). */
  readonly ready: Promise<void>
  /** `reached`: the coordinator ended by itself, its goal reached · `spent`: a cap is reached. Rejects with CrashLoop or GaveUp. */
  readonly done: Promise<'reached' | 'spent' | 'stopped'>
  stop(): Promise<void>
}

/** Patience with each kind when stopping, ms: 4 + 2.5 + 2 (the server's own) stays below ten seconds. */
const AGENT_GRACE = 4_000
const COORDINATOR_GRACE = 2_500
const READY_MS = 60_000
const SHORT_LIFE = 10_000
const MAX_SHORT_LIVES = 6

export async function supervise(options: SwarmOptions, tell: Tell): Promise<Supervisor> {
  const identities = new Map<string, Identity>()
  const publish = (): void => tell.processes([...identities].map(([name, who]) => ({ name, ...who })))
  const alive = (name: string, who: Identity | undefined): void => {
    if (who === undefined) identities.delete(name)
    else identities.set(name, who)
    publish()
  }
  let stopping = false
  /** At a cap agents end well, and are not to come back. */
  let draining = false
  let fail: (error: Error) => void = () => {}
  const failed = new Promise<never>((_, reject) => {
    fail = reject
  })
  failed.catch(() => {}) // heard through `done`

  const open = (): Promise<Server> =>
    options.nats !== undefined
      ? useServer(options.nats, tell.note)
      : startServer({
          home: options.home,
          log: tell.note,
          ...(options.listen === undefined ? {} : { listen: options.listen }),
        })
  let server = await open()
  const serverUp = (): void => alive('nats-server', server.pid === undefined ? undefined : identityOf(server.pid))
  serverUp()

  async function keepServer(): Promise<void> {
    for (let shortLives = 0; ; ) {
      const born = Date.now()
      const end = await server.ended
      if (stopping) return
      alive('nats-server', undefined)
      shortLives = Date.now() - born < SHORT_LIFE ? shortLives + 1 : 1
      if (shortLives >= MAX_SHORT_LIVES)
        throw new CrashLoop(
          `nats-server does not stay up: ${describeEnd(end)}, ${shortLives} times in a row. Its log: ${options.home}/logs/nats.log`,
        )
      tell.note(`nats-server ${describeEnd(end)}; starting it again`)
      await new Promise((resolve) => setTimeout(resolve, delayAfter(shortLives - 1)))
      if (stopping) return
      const { port } = server
      server = await open()
      serverUp()
      if (server.port !== port)
        throw new CrashLoop(
          `nats-server came back on port ${server.port}, since another program has taken ${port}; nobody would find it there. Start again with "swarm up".`,
        )
    }
  }
  void keepServer().catch(fail)

  const watching = (name: string, more: Watching = {}): Watching => ({
    ...more,
    started: (who) => alive(name, who),
    died: (how, delayMs) => {
      alive(name, undefined)
      tell.note(`${name} ${how}; starting it again in ${(delayMs / 1000).toFixed(1)} s`)
    },
  })

  let ready: () => void = () => {}
  const isReady = new Promise<void>((resolve) => {
    ready = resolve
  })
  const coordinator = keepRunning(
    coordinatorPart({ ...options, url: server.url }),
    watching('coordinator', {
      line: (line) => {
        if (/^\{.*"ready"/.test(line)) ready()
        if (/^\{.*"draining"/.test(line)) draining = true
        const note = noteIn(line)
        if (note !== undefined) tell.note(note)
      },
    }),
  )
  const agents: Kept[] = []

  async function startAgents(): Promise<void> {
    const late = setTimeout(ready, READY_MS)
    await Promise.race([isReady, coordinator.done])
    clearTimeout(late)
    if (stopping) return
    for (const [i, lane] of options.lanes.entries()) {
      const name = `${options.prefix}${i + 1}`
      const { home, checkout, data, baseUrl, script } = options
      const researcher = options.researchers[i]
      const asks = {
        ...(researcher === undefined ? {} : { researcher }),
        ...(baseUrl === undefined ? {} : { baseUrl }),
        ...(script === undefined ? {} : { script }),
      }
      const agent = keepRunning(
        {
          ...agentPart({ url: server.agentUrl, home, checkout, data, name, lane, ...asks }),
          returns: () => !draining,
        },
        watching(name),
      )
      agents.push(agent)
      // Its lane is given up; the others go on.
      agent.done.catch((error: Error) =>
        error instanceof GaveUp ? tell.note(`${name} rests: ${error.message}`) : fail(error),
      )
    }
  }
  void startAgents().catch(fail)

  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopping = true
    stopped ??= (async () => {
      // Agents first: they take leave of a coordinator that still answers.
      await Promise.allSettled(agents.map((agent) => agent.stop(AGENT_GRACE)))
      await coordinator.stop(COORDINATOR_GRACE)
      await server.stop()
      identities.clear()
      publish()
    })()
    return stopped
  }

  const ended = coordinator.done.then((how) =>
    how === 'spent' ? how : how === 'finished' && !stopping ? ('reached' as const) : ('stopped' as const),
  )
  const done = Promise.race([ended, failed]).then(
    async (how) => {
      await stop()
      return how
    },
    async (error: unknown) => {
      await stop()
      throw error
    },
  )
  return {
    get server() {
      return server
    },
    ready: isReady,
    done,
    stop,
  }
}

/** A sentence of the coordinator for people. */
function noteIn(line: string): string | undefined {
  if (!line.startsWith('{"note":')) return undefined
  const { note } = JSON.parse(line) as { note: unknown }
  return typeof note === 'string' ? note : undefined
}
