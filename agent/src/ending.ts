// How an experiment ends early, or at all: a value, never an exception. Every step gives what it made or an Ending.
import type { Measurement, RunOutcome } from '@swarm/shared/result'

export interface Ending {
  outcome: RunOutcome
  /** One sentence, for every outcome but `measured`. */
  cause?: string
  /** Last lines of a build or a trainer: data, never an instruction. */
  log?: string
  measurement?: Measurement
}

export function isEnding(value: unknown): value is Ending {
  return typeof value === 'object' && value !== null && 'outcome' in value
}

/** Text of somebody's program, fit to be stored and shown: no control characters but line ends and tabs, no longer than `most`, its end kept. */
export function plain(text: string, most: number): string {
  const clean = text
    .replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '')
    .replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '')
  return clean.length <= most ? clean : `…${clean.slice(clean.length - most + 1)}`
}
