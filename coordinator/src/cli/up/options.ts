import type { Scale } from '@swarm/shared/scale'

// What `swarm up` can be told.
export interface UpOptions {
  agents?: number
  lanes: string
  scale?: Scale
  name: string
  home: string
  experiments?: number
  minutes?: number
  budget?: string
  researcher: string
  director?: string
  baseUrl?: string
  script?: string
  budgetUsd?: number
  budgetTokens?: number
  budgetCalls?: number
  budgetLaneSeconds?: number
  budgetWall?: number
  prices?: string
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
