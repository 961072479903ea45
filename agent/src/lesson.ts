// Lesson: after the run, what its author learned. Goes onto the result; a lesson that fails never fails the result.
import type { Hypothesis } from '@swarm/shared/hypothesis'
import { isSentence } from '@swarm/shared/hypothesis'
import type { RunOutcome } from '@swarm/shared/result'
import type { Over, Researcher, Taught } from './researchers/researcher.ts'

/** Outcomes that say something of the idea. */
const TELLING: readonly RunOutcome[] = [
  'measured',
  'build-failed',
  'preflight-failed',
  'run-failed',
  'diverged',
  'timed-out',
  'cheat-suspected',
]
const TIME_LIMIT_MS = 180_000

export interface Learning extends Omit<Over, 'hypothesis'> {
  hypothesis: Hypothesis | undefined
  kind: 'baseline' | 'screen' | 'repeat'
  researcher: Researcher
  say: (line: string) => void
  signal: AbortSignal
}

/** Undefined where there is nothing to say: knobs, repeats, outages, a researcher that does not read, a model that did not answer. */
export async function learn({ kind, researcher, say, signal, ...over }: Learning): Promise<Taught | undefined> {
  const { hypothesis, outcome, experiment } = over
  if (researcher.learn === undefined || kind !== 'screen' || hypothesis === undefined) return undefined
  if (!isSentence(hypothesis) || !TELLING.includes(outcome)) return undefined
  const limited = AbortSignal.any([signal, AbortSignal.timeout(TIME_LIMIT_MS)])
  try {
    const made = await researcher.learn({ ...over, hypothesis }, limited)
    if (!('nothing' in made)) return made
    say(`${experiment}: no lesson: ${made.nothing}`)
  } catch (error) {
    say(`${experiment}: no lesson: ${(error as Error).message}`)
  }
  return undefined
}
