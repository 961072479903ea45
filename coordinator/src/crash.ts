// Crash points: the moments between two writes that a kill at random hardly ever meets. SWARM_CRASH_AT=<moment> ends the process
// there as SIGKILL would, so that a test can show that each of them is harmless. Unset, nothing happens.

export const MOMENTS = [
  /** The result is on the ledger, nothing that follows from it is. */
  'recorded',
  /** A plan is on the ledger, but in no line of WORK. */
  'planned',
  /** The finding is out, best has not moved. */
  'committed',
  /** The ledger says that best has moved, the branch has not. */
  'moved',
  /** Everything is out, the result is not acknowledged. */
  'decided',
] as const
export type Moment = (typeof MOMENTS)[number]

export function crashPoint(moment: Moment): void {
  if (process.env.SWARM_CRASH_AT === moment) process.kill(process.pid, 'SIGKILL')
}
