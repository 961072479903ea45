// A track: what results may be compared. One hash of everything a score depends on besides the diff and the seed.
import { createHash } from 'node:crypto'
import type { Scale } from './scale.ts'

export interface TrackParts {
  /** sha256 of the data manifest (text, split, tokenizer). */
  manifest: string
  /** sha256 of engine, harness, judge and Makefile. */
  frozen: string
  budget: string
  /** What machineClass gives. */
  machine: string
  /** Absent: cpu. */
  scale?: Scale | undefined
}

export function trackOf(parts: TrackParts): string {
  const { manifest, frozen, budget, machine, scale = 'cpu' } = parts
  const text = [manifest, frozen, budget, machine, ...(scale === 'cpu' ? [] : [`scale ${scale}`])]
  return createHash('sha256').update(text.join('\n')).digest('hex')
}

/**
 * `any` for deterministic budgets on cores (work, tokens: the same bits on every processor), else the machine's own class. A GPU's bits are
 * those of its kind, driver and library, so on GPUs the class always counts.
 */
export function machineClass(budget: string, machine: { cpu: string; gpu?: string | undefined }): string {
  return machine.gpu ?? (isDeterministic(budget) ? 'any' : machine.cpu)
}

/** What such a budget buys does not depend on how busy the machine is: other work may run beside a run. */
export const isDeterministic = (budget: string): boolean => /^(work|tokens):/.test(budget)
