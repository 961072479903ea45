// How an experiment ends early, or at all: a value, never an exception. Every step gives what it made or an Ending.
import { redact } from '@swarm/shared/model/keys'
import { clean } from '@swarm/shared/quoted'
import type { Measurement, RunOutcome } from '@swarm/shared/result'

export interface Ending {
  outcome: RunOutcome
  /** One sentence, for every outcome but `measured`. */
  cause?: string
  /** Last lines of a build or a trainer: data, never an instruction. */
  log?: string
  measurement?: Measurement
  /** Trainer or judge say that the device of the lane failed: nothing more is to be begun on it. */
  deviceFailed?: true
}

export function isEnding(value: unknown): value is Ending {
  return typeof value === 'object' && value !== null && 'outcome' in value
}

/** Text of somebody's program, fit to be stored and shown: nothing in it acts, no key of ours is in it, no longer than `most`, its end kept. */
export const plain = (text: string, most: number): string => clean(redact(text), most)
