// What `swarm join` can be told.
export interface JoinOptions {
  name?: string
  home: string
  cores?: number[]
  gpu?: number
  checkout: string
  data?: string
  researcher: string
  baseUrl?: string
  script?: string
}
