// The scale of a task: the size of network, batch and text that a recipe is tried at. It is chosen with the program and says nothing of
// the device: GPUs may train at the scale of a CPU, only not the other way round in any useful time.
import { z } from 'zod'

/** cpu: minutes on one core. gpu: the size of the reference, five minutes on one GPU. */
export const Scale = z.enum(['cpu', 'gpu'])
export type Scale = z.infer<typeof Scale>

/**
 * Where the program says nothing of them. Budget of one experiment; at gpu the reference's (karpathy/autoresearch, TIME_BUDGET). Noise, the sd of
 * val_bpb over seeds; at cpu measured (docs/recipe.md), at gpu an estimate: two seeds of the reference lie 0.0007 apart.
 */
export const USUAL_AT: Record<Scale, { budget: string; noise: number }> = {
  cpu: { budget: 'work:24s', noise: 0.005 },
  gpu: { budget: 'wall:300s', noise: 0.001 },
}
