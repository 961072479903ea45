// program.md: front matter for machines, prose for researchers.
import { z } from 'zod'
import { Budget, Seed } from './experiment.ts'
import { Scale, USUAL_AT } from './scale.ts'

export const Program = z.strictObject({
  task: z.string().default('pretraining'),
  metric: z.literal('val_bpb').default('val_bpb'),
  direction: z.literal('lower').default('lower'),
  /** The one folder agents may edit. */
  editable: z.string().default('trainer-native/experiment/'),
  scale: Scale.default('cpu'),
  budget: Budget.default(USUAL_AT.cpu.budget),
  /** Seeds of the baseline; the first one is the screen seed. Fresh repeat seeds follow from it. */
  seeds: z.array(Seed).min(1).default([1, 2, 3]),
  /** sd of val_bpb over seeds of the shipped recipe, bits per byte; measured in docs/recipe.md, refined by this swarm's own baselines. */
  noise: z.number().positive().default(USUAL_AT.cpu.noise),
  /** A screen must gain this many noises to be repeated, and its fresh-seed repeats must too, on the mean. */
  threshold: z.number().positive().default(2),
  repeats: z.number().int().min(1).max(8).default(1),
  /** Hard limits of one experiment. */
  timeoutFactor: z.number().min(2).default(8),
  /** Whether a network with ops of the experiment's own, whose score is probed and not proved, may become the best. */
  customOps: z.enum(['refused', 'allowed']).default('refused'),
  prose: z.string().default(''),
})
export type Program = z.infer<typeof Program>

/** The program at a scale somebody asks for instead: budget and noise are of a scale, so those of another give way to the usual ones. */
export function atScale(program: Program, scale: Scale | undefined): Program {
  return scale === undefined || scale === program.scale ? program : { ...program, scale, ...USUAL_AT[scale] }
}
