// What this agent holds, on disk: the acknowledge subject of each claim. An agent that starts again after kill -9 gives its
// predecessor's claims back at once; without it the queue would wait out the lease.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bus } from '@swarm/shared/bus'
import type { Claim } from './lease.ts'

/** Notes the claim; the note goes when the claim ends or is released. */
export function remember(folder: string, claim: Claim): Claim {
  mkdirSync(folder, { recursive: true })
  const note = join(folder, `${claim.experiment.id}-${claim.fence}`)
  writeFileSync(note, claim.ack)
  const forget = (): void => rmSync(note, { force: true })
  return {
    ...claim,
    end: () => {
      claim.end()
      forget()
    },
    release: (delayMs) => {
      claim.release(delayMs)
      forget()
    },
  }
}

/**
 * Gives back what a predecessor held; to be called when its outbox is sent, since work that was acknowledged stays off the queue.
 * Where another agent has got the work meanwhile it may run twice, and is counted once.
 */
export function giveBack(folder: string, bus: Bus): void {
  mkdirSync(folder, { recursive: true })
  for (const name of readdirSync(folder)) {
    const note = join(folder, name)
    bus.nc.publish(readFileSync(note, 'utf8'), '-NAK')
    bus.log(`${name}: given back, this agent was cut off while it held it`)
    rmSync(note, { force: true })
  }
}
