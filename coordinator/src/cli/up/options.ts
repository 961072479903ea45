// What `swarm up` can be told.
export interface UpOptions {
  agents?: number
  name: string
  home: string
  experiments?: number
  minutes?: number
  budget?: string
  researcher: string
  seed: number
  data: string
  plain: boolean
  ascii: boolean
  color: boolean
  detach: boolean
  checkout: string
  program?: string
  nats?: string
  listen?: string
}
