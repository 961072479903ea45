// A track: what results may be compared. One hash of everything a score depends on besides the diff and the seed.
import { createHash } from 'node:crypto'

export interface TrackParts {
  /** sha256 of the data manifest (text, split, tokenizer). */
  manifest: string
  /** sha256 of engine, harness, judge and Makefile. */
  frozen: string
  budget: string
  /** `any` for deterministic budgets (work, tokens: same bits on every machine), else the machine's class. */
  machine: string
}

export function trackOf(parts: TrackParts): string {
  const text = [parts.manifest, parts.frozen, parts.budget, parts.machine].join('\n')
  return createHash('sha256').update(text).digest('hex')
}

/** Deterministic budgets give the same bits on every machine, so every machine is one class. */
export function machineClass(budget: string, machine: string): string {
  return /^(work|tokens):/.test(budget) ? 'any' : machine
}

/** What such a budget buys does not depend on how busy the machine is: other work may run beside a run. */
export const isDeterministic = (budget: string): boolean => machineClass(budget, '') === 'any'
