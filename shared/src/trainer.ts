// What make, trainer and judge are told of scale and device (docs/decisions/0002). A scale or a device of its own is said only where it is
// not the usual one: on cores and at their scale a trainer is called as one that knows of neither.
import type { Scale } from './scale.ts'

/** What a lane computes with; the trainer's own words for it. */
export type Backend = 'cpu' | 'cuda'

/** The device failed, not the idea: exit code of trainer and judge. */
export const DEVICE_FAILED = 7

export const scaleOfMake = (scale: Scale): string[] => (scale === 'cpu' ? [] : [`SCALE=${scale}`])

/** What a run is computed at and with. At the scale of a GPU a trainer looks for a device by itself, so cores are said too. */
export interface On {
  scale: Scale
  backend: Backend
}

export const trainerFlags = (on: On): string[] => [
  ...(on.scale === 'cpu' ? [] : ['--scale', on.scale]),
  ...judgeFlags(on),
]

export const judgeFlags = ({ scale, backend }: On): string[] =>
  scale === 'cpu' && backend === 'cpu' ? [] : ['--backend', backend]

/** The CUDA compiler a person names; make looks on the PATH otherwise. */
export const nvccEnv = (): Record<string, string> => (process.env.NVCC === undefined ? {} : { NVCC: process.env.NVCC })

/**
 * The environment in which trainer or judge see these GPUs, by number, and no other; '' is none, so that one that looks for itself takes the
 * cores. Counted as nvidia-smi does: CUDA's own order is another where they are not all of one kind.
 */
export function deviceEnv(visible: string): Record<string, string> {
  if (visible === '') return { CUDA_VISIBLE_DEVICES: '' }
  const libraries = process.env.LD_LIBRARY_PATH // where a person's own libraries of CUDA lie
  return {
    CUDA_VISIBLE_DEVICES: visible,
    CUDA_DEVICE_ORDER: 'PCI_BUS_ID',
    ...(libraries === undefined ? {} : { LD_LIBRARY_PATH: libraries }),
  }
}
