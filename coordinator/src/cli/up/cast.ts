// Who plays which part: a researcher for each agent, by share, and the model that directs them.
import { deal, parseResearcher, parseShares, reads, type ResearcherOf, spell } from '@swarm/shared/researcher'
import { hasKey, keyFile } from '@swarm/shared/model/keys'
import { priceOf, readPrices } from '../../purse/prices.ts'
import { Usage } from '../failure.ts'

export interface CastOptions {
  researcher: string
  director?: string
  baseUrl?: string
  script?: string
  prices?: string
  budgetUsd?: number
}

export interface Cast {
  /** One for each agent, in order. */
  agents: ResearcherOf[]
  /** The model that directs; absent: off, and who reads proposes for itself. */
  director?: ResearcherOf
}

/** Researchers whose model is asked over a provider's interface; only these can direct. */
const OVER_API: readonly ResearcherOf['name'][] = ['anthropic', 'openai']
const FAMILY: Partial<Record<ResearcherOf['name'], string>> = {
  anthropic: 'ANTHROPIC_BASE_URL',
  claude: 'ANTHROPIC_BASE_URL',
  openai: 'OPENAI_BASE_URL',
  codex: 'OPENAI_BASE_URL',
}

export function castOf(options: CastOptions, agents: number): Cast {
  const shares = parse(() => parseShares(options.researcher))
  const all = shares.map(({ researcher }) => researcher)
  const director = directorOf(options.director, all)
  const asked = director === undefined ? all : [...all, director]
  for (const researcher of asked) {
    if (OVER_API.includes(researcher.name) && researcher.model === undefined)
      throw new Usage(`--researcher ${researcher.name}: which model? Write ${researcher.name}:MODEL`)
  }
  if (options.baseUrl !== undefined) {
    const families = new Set(asked.flatMap(({ name }) => FAMILY[name] ?? []))
    if (families.size !== 1)
      throw new Usage(
        families.size === 0
          ? '--base-url is for researchers with a model: anthropic, openai, claude, codex'
          : `--base-url cannot be the address of two providers; set ${[...families].sort().join(' and ')} instead`,
      )
  }
  if (options.budgetUsd !== undefined) priced(asked, options.prices)
  return { agents: deal(shares, agents), ...(director === undefined ? {} : { director }) }
}

/** A model over an API wants a key, unless its server is one of yours: said before anything starts. */
export function needKeys({ agents, director }: Cast, baseUrl: string | undefined, env = process.env): void {
  for (const { name } of director === undefined ? agents : [director, ...agents]) {
    if ((name !== 'anthropic' && name !== 'openai') || baseUrl !== undefined) continue
    if ((env[FAMILY[name] as string] ?? '') !== '' || hasKey(name, env)) continue
    throw new Usage(
      `there is no key for ${name}: set ${name.toUpperCase()}_API_KEY, or write it to ${keyFile(name, env)} (chmod 600)`,
    )
  }
}

/** The first researcher with an interface directs, unless told otherwise. */
function directorOf(told: string | undefined, all: readonly ResearcherOf[]): ResearcherOf | undefined {
  if (told === 'off') return undefined
  if (told === undefined) return all.find(({ name }) => OVER_API.includes(name))
  const director = parse(() => parseResearcher(told), '--director')
  if (!OVER_API.includes(director.name) || director.model === undefined)
    throw new Usage(`--director ${told}: ${OVER_API.map((name) => `${name}:MODEL`).join(', ')} or off`)
  return director
}

/** With a cap of money, a model without a price would be refused every call: said before anything starts. */
function priced(asked: readonly ResearcherOf[], file: string | undefined): void {
  const prices = readPrices(file)
  for (const { name, model } of asked) {
    if (name === 'search' || name === 'claude' || priceOf(prices, name, model ?? '') !== undefined) continue
    throw new Usage(
      `--budget-usd: the price of ${spell({ name, ...(model === undefined ? {} : { model }) })} is not known. Add it to a copy of coordinator/prices.json and give that with --prices FILE, or limit tokens: --budget-tokens`,
    )
  }
}

function parse<T>(read: () => T, flag = '--researcher'): T {
  try {
    return read()
  } catch (error) {
    throw new Usage((error as Error).message.replace('--researcher', flag))
  }
}

/** Where key files are. */
const KEYS = ['SWARM_KEYS', 'XDG_CONFIG_HOME']
/** What a process needs of this environment to be its researcher: keys and addresses of its own provider, and nobody else's. */
const NEEDS: Record<ResearcherOf['name'], readonly string[]> = {
  search: [],
  scripted: [],
  anthropic: ['ANTHROPIC_API_KEY', 'ANTHROPIC_BASE_URL', ...KEYS],
  openai: ['OPENAI_API_KEY', 'OPENAI_BASE_URL', ...KEYS],
  claude: ['ANTHROPIC_API_KEY', 'ANTHROPIC_BASE_URL', 'CLAUDE_CODE_OAUTH_TOKEN', 'CLAUDE_CONFIG_DIR', ...KEYS],
  codex: ['OPENAI_API_KEY', 'CODEX_API_KEY', 'OPENAI_BASE_URL', 'CODEX_HOME', ...KEYS],
}

export function environmentOf(researcher: ResearcherOf | undefined, env = process.env): Record<string, string> {
  const names = researcher === undefined ? [] : NEEDS[researcher.name]
  return Object.fromEntries(names.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])))
}

export const readersAmong = (agents: readonly ResearcherOf[]): number => agents.filter(reads).length
