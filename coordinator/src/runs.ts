// A run is one `swarm up`. A coordinator that was killed and started again goes on with its run; so experiments are counted once.
import { createHash } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { type Caps, CapName } from '@swarm/shared/call'
import type { RunRecord } from './board/schema.ts'
import type { Finished } from './coordinator.ts'
import type { Ledger } from './ledger.ts'
import { lostCalls } from './purse/lost.ts'
import { identityOf } from './server/identity.ts'

/** The run has ended without its goal; the message is the reason. */
export class RunFailed extends Error {
  override name = 'RunFailed'
}

export interface RunWish {
  seed: number
  agents: number
  experiments?: number
  caps?: Caps
}

/** Sessions of earlier runs are over; an agent that is still there reads it on the ledger and joins again. */
async function endSessions(ledger: Ledger): Promise<void> {
  for (const { agent, session, left } of [...ledger.board.agents.values()])
    if (left === undefined) await ledger.write({ type: 'agent-left', agent, session, reason: 'its run is over' })
  for (const fact of lostCalls(ledger.board)) await ledger.write(fact)
}

const sameWish = (last: RunRecord, { seed, agents, experiments, caps }: RunWish): boolean =>
  last.seed === seed && last.agents === agents && last.experiments === experiments && isDeepStrictEqual(last.caps, caps)

/** Goes on with the last run when it is the same one, was not stopped and has time left; else begins the next. */
export async function openRun(ledger: Ledger, wish: RunWish, minutes = Infinity): Promise<void> {
  const { runs } = ledger.board
  const last = runs.get(runs.size)
  if (last !== undefined && last.stopped === undefined) {
    const same = sameWish(last, wish)
    if (same && Date.now() < Date.parse(last.at) + minutes * 60_000) return
    await stopRun(ledger, 'cut off')
  }
  await endSessions(ledger)
  await ledger.write({ type: 'swarm-started', run: runs.size + 1, ...wish })
}

/** Ends the last run, unless it has ended. */
export async function stopRun(ledger: Ledger, reason: string): Promise<void> {
  const last = ledger.board.runs.get(ledger.board.runs.size)
  if (last !== undefined && last.stopped === undefined)
    await ledger.write({ type: 'swarm-stopped', run: last.run, reason })
}

const began = (home: string): string => path.join(home, 'began.json')

/** Is this the first coordinator of this supervisor? One that is started again goes on with the program its forerunner stood on. */
export function isFirst(home: string): boolean {
  try {
    if (
      z.object({ parent: z.string().min(1) }).parse(JSON.parse(readFileSync(began(home), 'utf8'))).parent === parent()
    )
      return false
  } catch {
    /* none yet */
  }
  writeFileSync(`${began(home)}.new`, JSON.stringify({ parent: parent() }))
  renameSync(`${began(home)}.new`, began(home))
  return true
}

const End = z.object({ parent: z.string().min(1), reason: z.string(), failed: z.boolean(), cap: CapName.optional() })
const endFile = (home: string): string => path.join(home, 'ended.json')

/** Whoever started this process, and for what: the supervisor of one `swarm up`. */
function parent(): string {
  const who = identityOf(process.ppid)
  return who === undefined
    ? ''
    : createHash('sha256')
        .update(JSON.stringify([who, process.argv.slice(2)]))
        .digest('hex')
}

/**
 * Notes that the run of this supervisor is at its end, before the ledger says so: killed between the ledger's word and its own exit,
 * a coordinator is started again by the same supervisor, and must not begin another run.
 */
export function rememberEnd(home: string, { reason, failed, cap }: Finished): void {
  writeFileSync(`${endFile(home)}.new`, JSON.stringify({ parent: parent(), reason, failed, cap }))
  renameSync(`${endFile(home)}.new`, endFile(home))
}

/** How the run of this very supervisor has ended, when it has. */
export function endedBefore(home: string): Finished | undefined {
  try {
    const end = End.parse(JSON.parse(readFileSync(endFile(home), 'utf8')))
    const { reason, failed, cap } = end
    return end.parent === parent() ? { reason, failed, ...(cap === undefined ? {} : { cap }) } : undefined
  } catch {
    return undefined // none, or torn by a power cut: then the ledger alone says how the run stands
  }
}
