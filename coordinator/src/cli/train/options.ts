// What `swarm train` can be told.
export interface TrainOptions {
  seed: number
  budget?: string
  data: string
  workers?: number
  keep?: string
  resume: boolean
  json: boolean
}
