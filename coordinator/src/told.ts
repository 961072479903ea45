// What the coordinator process is told on its command line, by `swarm up`.
import path from 'node:path'
import { parseArgs } from 'node:util'
import type { Caps } from '@swarm/shared/call'
import { parseResearcher, type ResearcherOf } from '@swarm/shared/researcher'
import { Scale } from '@swarm/shared/scale'
import type { RunWish } from './runs.ts'

const text = { type: 'string' } as const
const options = {
  home: text,
  url: text,
  program: text,
  data: text,
  checkout: text,
  seed: text,
  agents: text,
  experiments: text,
  minutes: text,
  budget: text,
  scale: text,
  gpu: text,
  'budget-usd': text,
  'budget-tokens': text,
  'budget-calls': text,
  'budget-lane-seconds': text,
  'budget-wall': text,
  prices: text,
  readers: text,
  director: text,
  'base-url': text,
} as const

export interface Told {
  home: string
  url: string
  program: string
  data: string
  checkout: string
  wish: RunWish
  minutes?: number
  budget?: string
  /** Instead of the program's own. */
  scale?: Scale
  /** Class of the GPUs that agents train on. */
  gpu?: string
  /** File with the table of prices, when it is not the one that is shipped. */
  prices?: string
  /** How many of the agents asked for read. */
  readers: number
  /** The model that directs; absent: off. */
  director?: ResearcherOf
  baseUrl?: string
}

/** $SWARM_URL stands in for --url: it holds a password, and command lines are public. */
export function told(args: readonly string[] = process.argv.slice(2)): Told {
  const { values } = parseArgs({ args: [...args], options })
  const needed = (name: 'home' | 'program' | 'data' | 'checkout'): string => {
    const value = values[name]
    if (value === undefined) throw new Error(`--${name} is missing; the coordinator is started by: swarm up`)
    return path.resolve(value)
  }
  const number = (name: keyof typeof values): number | undefined =>
    values[name] === undefined ? undefined : Number(values[name])
  const url = values.url ?? process.env.SWARM_URL
  if (url === undefined) throw new Error('--url is missing; the coordinator is started by: swarm up')
  const caps: Caps = present({
    usd: number('budget-usd'),
    tokens: number('budget-tokens'),
    calls: number('budget-calls'),
    laneSeconds: number('budget-lane-seconds'),
    wallSeconds: number('budget-wall'),
  })
  return {
    url,
    home: needed('home'),
    program: needed('program'),
    data: needed('data'),
    checkout: needed('checkout'),
    wish: {
      seed: number('seed') ?? 1,
      agents: number('agents') ?? 0,
      ...present({ experiments: number('experiments'), caps: Object.keys(caps).length === 0 ? undefined : caps }),
    },
    readers: number('readers') ?? 0,
    ...present({
      minutes: number('minutes'),
      budget: values.budget,
      scale: values.scale === undefined ? undefined : Scale.parse(values.scale),
      gpu: values.gpu,
      prices: values.prices,
      director: values.director === undefined ? undefined : parseResearcher(values.director),
      baseUrl: values['base-url'],
    }),
  }
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> }
/** Without what is not there. */
function present<T extends object>(values: T): Present<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<T>
}
