// The swarm's nats-server: started here with its own configuration and users, or yours, which is only looked at.
import { createWriteStream, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { splitUrl } from '@swarm/shared/bus'
import { type Child, describeEnd, type Ended, start } from '@swarm/shared/exec'
import { stateDir } from './home.ts'
import { findBinary, howToGetOne, NoServer } from './server/binary.ts'
import { secret, type User, writeConfig } from './server/config.ts'
import { end, type Identity, identityOf, isRunning } from './server/identity.ts'
import { freePort, type Greeting, greeting } from './server/probe.ts'
import { degradation, versionText } from './server/version.ts'

/** The server did not start, or the one at your URL cannot be used. */
export class ServerFailed extends Error {
  override name = 'ServerFailed'
}

/** A swarm that is alive holds this home. */
export class HomeInUse extends Error {
  override name = 'HomeInUse'
}

export interface ServerOptions {
  /** Folder of this swarm: store in home/nats, passwords in home/secrets, log in home/logs/nats.log. */
  home: string
  /** Default: the port this home had before, else a free one. */
  port?: number
  /** Address to listen on; 127.0.0.1 unless agents on other machines join. */
  listen?: string
  /** Told of what a person should know. */
  log: (line: string) => void
  /** Where an obtained nats-server is looked for; default: the state folder of the checkout. */
  state?: string
}

export interface Server {
  /** For the coordinator, with its password: never print it. */
  url: string
  /** For agents and onlookers, with theirs. */
  agentUrl: string
  /** host:port, for people. */
  address: string
  port: number
  version: string
  /** What an old server cannot do: shown wherever the swarm is shown. */
  degraded?: string
  /** Undefined for a server that is yours. */
  pid?: number
  /** Resolves when the server ends, wanted or not. Never for one that is yours. */
  ended: Promise<Ended>
  stop(): Promise<void>
}

const READY_MS = 20_000
const LOG_BYTES = 10 * 1024 * 1024

interface Remembered {
  name: string
  port: number
}
interface Running {
  server: Identity
  parent: Identity
}

function readJson<T>(file: string): T | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as T
  } catch {
    return undefined
  }
}

function writeJson(file: string, value: unknown): void {
  writeFileSync(`${file}.new`, JSON.stringify(value))
  renameSync(`${file}.new`, file)
}

/** Ends a server an earlier swarm of this home left behind. One whose swarm lives is not ours to end. */
async function clearLeftover(runningFile: string, log: (line: string) => void): Promise<void> {
  const before = readJson<Running>(runningFile)
  if (before === undefined || !isRunning(before.server)) return
  if (isRunning(before.parent))
    throw new HomeInUse(
      `this home is held by a swarm that is running (process ${before.parent.pid}). See it with: swarm status; end it with: swarm down; or give this one another folder: --home DIR`,
    )
  log(`ending a nats-server that an earlier swarm left behind (process ${before.server.pid})`)
  await end(before.server)
}

async function choosePort(options: ServerOptions, host: string, remembered: number | undefined): Promise<number> {
  if (options.port !== undefined) {
    if ((await freePort(host, options.port)) === undefined)
      throw new ServerFailed(
        `port ${options.port} on ${host} is taken. Choose another one, or leave the choice to the swarm.`,
      )
    return options.port
  }
  if (remembered !== undefined) {
    // A server that has just died leaves its port busy for a moment.
    for (let i = 0; i < 10; i++) {
      if ((await freePort(host, remembered)) !== undefined) return remembered
      await new Promise((r) => setTimeout(r, 100))
    }
    options.log(
      `port ${remembered} of this home is taken by another program; agents on other machines need a new invite`,
    )
  }
  const port = await freePort(host)
  if (port === undefined) throw new ServerFailed(`no free port on ${host}. Is this an address of this machine?`)
  return port
}

/** Waits until our own server greets. The name tells it from a stranger on the same port. */
async function whenReady(child: Child, name: string, host: string, port: number): Promise<Greeting | Ended> {
  let ended: Ended | undefined
  void child.ended.then((e) => {
    ended = e.end
  })
  for (const deadline = Date.now() + READY_MS; Date.now() < deadline; ) {
    if (ended !== undefined) return ended
    const hello = await greeting(host, port)
    if (hello !== undefined && hello.name === name) return hello
    await new Promise((r) => setTimeout(r, 25))
  }
  await child.stop(0)
  return ended ?? { how: 'timeout' }
}

/** Starts the swarm's own nats-server and waits until it answers. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { home, log } = options
  const listen = options.listen ?? '127.0.0.1'
  const binary = await findBinary(options.state ?? stateDir())
  if (binary === undefined)
    throw new NoServer(`no nats-server on PATH and none obtained by the set-up.\n${howToGetOne()}`)
  mkdirSync(join(home, 'nats'), { recursive: true })
  mkdirSync(join(home, 'logs'), { recursive: true })
  const rememberedFile = join(home, 'nats', 'server.json')
  const runningFile = join(home, 'nats', 'running.json')
  await clearLeftover(runningFile, log)

  const remembered = readJson<Remembered>(rememberedFile)
  const name = remembered?.name ?? `swarm-${randomBytes(6).toString('hex')}`
  const port = await choosePort(options, listen, remembered?.port)
  writeJson(rememberedFile, { name, port } satisfies Remembered)
  const degraded = degradation(binary.version)
  if (degraded !== undefined) log(degraded)

  const config = writeConfig({ home, name, listen, port, version: binary.version })
  const child = start(binary.path, ['--config', config], { keepOutput: false })
  const tail = keepLog(child, join(home, 'logs', 'nats.log'))
  const self = identityOf(process.pid)
  const identity = child.pid === undefined ? undefined : identityOf(child.pid)
  if (self !== undefined && identity !== undefined)
    writeJson(runningFile, { server: identity, parent: self } satisfies Running)

  const host = listen === '0.0.0.0' || listen === '::' ? '127.0.0.1' : listen
  const hello = await whenReady(child, name, host, port)
  if (!('version' in hello)) {
    rmSync(runningFile, { force: true })
    throw new ServerFailed(
      `nats-server ${describeEnd(hello)}. Its last lines (${join(home, 'logs', 'nats.log')}):\n${tail().join('\n')}`,
    )
  }
  const as = (user: User): string => `nats://${user}:${secret(home, user)}@${host}:${port}`
  return {
    url: as('swarm'),
    agentUrl: as('agent'),
    address: `${host}:${port}`,
    port,
    version: versionText(hello.version),
    ...(degraded === undefined ? {} : { degraded }),
    ...(child.pid === undefined ? {} : { pid: child.pid }),
    ended: child.ended.then((e) => e.end),
    // SIGTERM closes the store in order; it takes well under a second.
    stop: async () => {
      await child.stop(5_000)
      rmSync(runningFile, { force: true })
    },
  }
}

/** Looks at a server that is yours. It is never stopped, and its settings are not touched. */
export async function useServer(url: string, log: (line: string) => void): Promise<Server> {
  const { server } = splitUrl(url)
  const at = new URL(server.includes('://') ? server : `nats://${server}`)
  const port = Number(at.port || 4222)
  const hello = await greeting(at.hostname, port, 4_000)
  if (hello === undefined)
    throw new ServerFailed(
      `nothing that speaks NATS answers at ${at.hostname}:${port}. Start it, or leave --nats away and the swarm starts its own.`,
    )
  if (!hello.jetstream)
    throw new ServerFailed(
      `the nats-server at ${at.hostname}:${port} runs without JetStream. Start it with -js (or a jetstream block in its configuration).`,
    )
  const degraded = degradation(hello.version)
  if (degraded !== undefined) log(degraded)
  return {
    url,
    agentUrl: url,
    address: `${at.hostname}:${port}`,
    port,
    version: versionText(hello.version),
    ...(degraded === undefined ? {} : { degraded }),
    ended: new Promise(() => {}),
    stop: async () => {},
  }
}

/** Writes what the server says to its log file and keeps the last lines for an error. */
function keepLog(child: Child, file: string): () => string[] {
  try {
    if (statSync(file).size > LOG_BYTES) renameSync(file, `${file}.1`)
  } catch {
    /* no log yet */
  }
  const log = createWriteStream(file, { flags: 'a' })
  const last: string[] = []
  void (async () => {
    try {
      for await (const line of child.lines()) {
        log.write(`${line}\n`)
        last.push(line)
        if (last.length > 12) last.shift()
      }
    } catch {
      /* how it ended is told by child.ended */
    } finally {
      log.end()
    }
  })()
  return () => last
}
