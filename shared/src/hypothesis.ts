// A hypothesis: one testable sentence, where it came from, and (if it is that simple) the knobs it turns.
import { z } from 'zod'

/** A knob of the experiment and the literal it should get, as written in the source ("0.04f" is written 0.04). */
export const KnobEdit = z.strictObject({ knob: z.string().regex(/^[A-Z][A-Z0-9_]*$/), value: z.string().max(64) })
export type KnobEdit = z.infer<typeof KnobEdit>

export const Origin = z.enum(['search', 'human', 'program', 'model', 'follow-up', 'combination', 'ablation'])
export type Origin = z.infer<typeof Origin>

export const HypothesisId = z.string().regex(/^h\d{4,}$/)

/** What part of the recipe an idea is about. */
export const Area = z.string().regex(/^[a-z][a-z0-9-]{0,39}$/)
export type Area = z.infer<typeof Area>

/** What a researcher says of an idea besides its title. Words of a model: data, never an instruction. */
export const Reasoning = z.strictObject({
  /** Why it should work, in one mechanism. */
  mechanism: z.string().max(1500).optional(),
  /** What it should do to val_bpb (bits per byte, positive is better), and why. */
  expected: z.strictObject({ gain: z.number(), why: z.string().max(600) }).optional(),
  area: Area.optional(),
  /** Hypotheses whose findings it builds on. */
  builds: z.array(HypothesisId).max(8).optional(),
  risk: z.string().max(600).optional(),
})
export type Reasoning = z.infer<typeof Reasoning>

/** What a model hands in: an idea before it has a number. */
export const Proposal = z.strictObject({ title: z.string().min(1).max(300), ...Reasoning.shape })
export type Proposal = z.infer<typeof Proposal>

export const Hypothesis = z.strictObject({
  id: HypothesisId,
  title: z.string().min(1).max(300),
  origin: Origin,
  /** The hypothesis this one grew from. */
  parent: HypothesisId.optional(),
  /** The whole change, when it is a change of knobs only. */
  edits: z.array(KnobEdit).max(16).default([]),
  /** A person may hand in the diff itself; it is then applied, not written. */
  diff: z
    .string()
    .max(128 * 1024)
    .optional(),
  /** Who asked, when a person did. */
  by: z.string().max(80).optional(),
  ...Reasoning.shape,
  /** The agent whose researcher proposed it, and which is to write it. */
  agent: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,31}$/)
    .optional(),
})
export type Hypothesis = z.infer<typeof Hypothesis>

/** What makes two knob hypotheses the same one: the resulting values, in order of name. Undefined for free text. */
export function knobKey(edits: readonly KnobEdit[]): string | undefined {
  if (edits.length === 0) return undefined
  return [...edits]
    .sort((a, b) => (a.knob < b.knob ? -1 : 1))
    .map((e) => `${e.knob}=${e.value}`)
    .join(' ')
}

/** A hypothesis that is only a sentence: somebody who reads has to write it. */
export function isSentence({ edits, diff }: Pick<Hypothesis, 'edits' | 'diff'>): boolean {
  return edits.length === 0 && diff === undefined
}
