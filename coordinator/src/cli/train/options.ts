import type { Scale } from '@swarm/shared/scale'
import type { Backend } from '@swarm/shared/trainer'

// What `swarm train` can be told.
export interface TrainOptions {
  seed: number
  budget?: string
  data: string
  scale?: Scale
  backend: 'auto' | Backend
  workers?: number
  keep?: string
  resume: boolean
  json: boolean
}
