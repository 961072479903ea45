// home/swarm.json: who runs the swarm of this home, and how to reach it. Also the lock: made exclusively, mode 0600.
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { killGroup } from '@swarm/shared/group'
import { type Identity, identityOf, isRunning } from '../server/identity.ts'
import { Failed } from './failure.ts'

export interface Running extends Identity {
  version: 1
  since: string
  state: 'starting' | 'running' | 'stopping'
  agents: number
  checkout: string
  data: string
  /** With credentials, hence mode 0600. `url` may do everything, `agentUrl` what an agent may. */
  url?: string
  agentUrl?: string
  /** The address others can reach, when it listens for them. */
  listen?: string
  log?: string
  children: (Identity & { name: string })[]
}

const file = (home: string): string => path.join(home, 'swarm.json')

function parse(text: string): Running | undefined {
  try {
    const record = JSON.parse(text) as Running
    return record.version === 1 && typeof record.pid === 'number' ? record : undefined
  } catch {
    return undefined
  }
}

function read(home: string): Running | undefined {
  try {
    return parse(readFileSync(file(home), 'utf8'))
  } catch {
    return undefined
  }
}

/** The swarm that runs in this home now, if any. */
export function running(home: string): Running | undefined {
  const record = read(home)
  return record !== undefined && isRunning(record) ? record : undefined
}

export interface Hold {
  record: Running
  update(change: Partial<Running>): void
  release(): void
}

/** Takes the home for this process. A record of a dead holder is cleared, with whatever its children left. */
export function holdHome(home: string, about: Pick<Running, 'agents' | 'checkout' | 'data'> & { log?: string }): Hold {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  let record: Running = {
    version: 1,
    ...(identityOf(process.pid) ?? { pid: process.pid, started: '' }),
    since: new Date().toISOString(),
    state: 'starting',
    children: [],
    ...about,
  }
  for (let tries = 0; !create(home, record); tries++) {
    const holder = running(home)
    if (holder !== undefined || tries > 5) throw alreadyUp(home, holder)
    clearDead(home)
  }
  return {
    get record() {
      return record
    },
    update: (change) => {
      record = { ...record, ...change }
      const fresh = `${file(home)}.${process.pid}`
      writeFileSync(fresh, JSON.stringify(record, null, 1), { mode: 0o600 })
      renameSync(fresh, file(home))
    },
    release: () => {
      if (read(home)?.pid === process.pid) rmSync(file(home), { force: true })
    },
  }
}

/** Written in full under another name, then linked: whoever links first holds the home, and nobody reads half a record. */
function create(home: string, record: Running): boolean {
  const fresh = `${file(home)}.${process.pid}`
  writeFileSync(fresh, JSON.stringify(record, null, 1), { mode: 0o600 })
  try {
    linkSync(fresh, file(home))
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  } finally {
    rmSync(fresh, { force: true })
  }
}

/** Moves the dead holder's record away (one mover wins) and ends what its children left. */
function clearDead(home: string): void {
  const aside = `${file(home)}.dead-${process.pid}`
  try {
    renameSync(file(home), aside)
  } catch {
    return
  }
  const moved = parse(readFileSync(aside, 'utf8'))
  // Somebody took the home between our look and our move: give it back.
  if (moved !== undefined && isRunning(moved)) linkSync(aside, file(home))
  else for (const left of moved?.children ?? []) if (isRunning(left)) killGroup(left.pid, 'SIGKILL')
  rmSync(aside, { force: true })
}

function alreadyUp(home: string, holder: Running | undefined): Failed {
  if (holder === undefined) return new Failed(`${file(home)} cannot be taken; remove it if no swarm runs there.`)
  return new Failed(
    `a swarm is already up in ${home}: process ${holder.pid}, since ${holder.since}, ${holder.agents} agents.\n` +
      'See it with "swarm watch", stop it with "swarm down", or start another one with --home DIR.',
  )
}
