// The processes of a swarm as command lines. The coordinator's side and the agent's side meet here by path only.
import path from 'node:path'
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { Caps } from '@swarm/shared/call'
import { type ResearcherOf, spell } from '@swarm/shared/researcher'
import type { Scale } from '@swarm/shared/scale'
import { checkoutDir } from '../../home.ts'
import { environmentOf } from './cast.ts'
import type { Part } from '../../processes.ts'

export interface AgentOptions {
  /** nats://user:password@host:port; handed over in the environment, since command lines are public. */
  url: string
  home: string
  checkout: string
  data?: string
  name?: string
  /** `cpu:0,1` or `gpu:3`. */
  lane: string
  /** Absent: search. */
  researcher?: ResearcherOf
  baseUrl?: string
  script?: string
}

export interface CoordinatorOptions {
  url: string
  /** Instead of the program's own. */
  scale?: Scale
  /** Class of the GPUs that agents train on. */
  gpu?: string
  home: string
  program: string
  data: string
  checkout: string
  seed: number
  agents: number
  experiments?: number
  minutes?: number
  budget?: string
  caps?: Caps
  prices?: string
  /** How many of the agents read. */
  readers?: number
  director?: ResearcherOf
  baseUrl?: string
}

/** The coordinator's exit code for: this run cannot go on, a person has to look. */
const CANNOT_GO_ON = 6
/** And for: it has come to a cap. */
const SPENT = 5

/** An agent's exit code for: its GPU is sick, nothing more is to be begun on it. */
const SICK = 7

/** Runs a TypeScript file of ours with this very node. */
function typescript(file: string, args: readonly string[]): Pick<Part, 'file' | 'args' | 'cwd'> {
  const root = checkoutDir()
  const tsx = pathToFileURL(createRequire(path.join(root, 'package.json')).resolve('tsx')).href
  return { file: process.execPath, args: ['--import', tsx, path.join(root, file), ...args], cwd: root }
}

/** Flags from a record: absent values are left out. */
function flags(values: Record<string, string | number | undefined>): string[] {
  return Object.entries(values).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)]))
}

/** What our own processes may inherit besides PATH and HOME: where the state is, switches for tests and debugging, and what its own researcher needs. */
function passedOn(url: string, researcher: ResearcherOf | undefined): Record<string, string> {
  const env: Record<string, string> = { SWARM_URL: url, ...environmentOf(researcher) }
  for (const name of ['SWARM_STATE', 'SWARM_ISA', 'SWARM_DEBUG', 'CXX', 'NVCC', 'LD_LIBRARY_PATH']) {
    const value = process.env[name]
    if (value !== undefined) env[name] = value
  }
  return env
}

export function coordinatorPart(o: CoordinatorOptions): Part {
  const { url, home, program, data, checkout, seed, agents, experiments, minutes, budget } = o
  const { caps, prices, readers, director, baseUrl, scale, gpu } = o
  return {
    name: 'coordinator',
    givesUpWith: CANNOT_GO_ON,
    log: path.join(home, 'logs', 'coordinator.log'),
    spentWith: SPENT,
    env: passedOn(url, director),
    ...typescript(
      'coordinator/src/main.ts',
      flags({
        home,
        program,
        data,
        checkout,
        seed,
        agents,
        experiments,
        minutes,
        budget,
        scale,
        gpu,
        'budget-usd': caps?.usd,
        'budget-tokens': caps?.tokens,
        'budget-calls': caps?.calls,
        'budget-lane-seconds': caps?.laneSeconds,
        'budget-wall': caps?.wallSeconds,
        prices,
        readers,
        director: director === undefined ? undefined : spell(director),
        'base-url': baseUrl,
      }),
    ),
  }
}

export function agentPart(o: AgentOptions): Part {
  const { url, home, checkout, data, name, lane, researcher, baseUrl, script } = o
  const asks = researcher !== undefined && researcher.name !== 'search' && researcher.name !== 'scripted'
  return {
    name: name ?? 'agent',
    givesUpWith: SICK,
    log: path.join(home, 'logs', `${name ?? 'agent'}.log`),
    env: passedOn(url, researcher),
    ...typescript(
      'agent/src/main.ts',
      flags({
        home,
        checkout,
        data,
        name,
        lane,
        researcher: researcher === undefined ? 'search' : spell(researcher),
        'base-url': asks ? baseUrl : undefined,
        script: researcher?.name === 'scripted' ? script : undefined,
      }),
    ),
  }
}
