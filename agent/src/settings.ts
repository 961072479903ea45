// What the agent process is told on its command line, and what it finds in its checkout.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { AgentName } from '@swarm/shared/event'
import { parseResearcher, ResearcherInvalid, type ResearcherOf } from '@swarm/shared/researcher'

/** The command line, or what it points at, cannot be used; the message says what would be right. */
export class Usage extends Error {
  override name = 'Usage'
}

export interface Settings {
  url: string
  home: string
  checkout: string
  data?: string
  name?: string
  lane?: string
  researcher: ResearcherOf
  baseUrl?: string
  script?: string
  waitSeconds: number
}

export function settingsOf(args: readonly string[]): Settings {
  const names = ['url', 'home', 'checkout', 'data', 'name', 'lane', 'researcher', 'base-url', 'script', 'wait']
  const typed = Object.fromEntries(names.map((name) => [name, { type: 'string' as const }]))
  let values: Partial<Record<string, string>>
  try {
    values = parseArgs({ args: [...args], options: typed, strict: true }).values as Partial<Record<string, string>>
  } catch (cause) {
    throw new Usage((cause as Error).message, { cause })
  }
  // The URL holds a password, and command lines are public: the supervisor hands it over in the environment.
  const { url = process.env.SWARM_URL, home, checkout, data, name, lane, researcher = 'search', wait = '60' } = values
  if (url === undefined || home === undefined || checkout === undefined)
    throw new Usage('needed: --url nats://agent:TOKEN@HOST:PORT (or $SWARM_URL) --home DIR --checkout DIR')
  if (name !== undefined && !AgentName.safeParse(name).success)
    throw new Usage(`--name ${name}: small letters, digits and dashes, a letter first, at most 32`)
  const { 'base-url': baseUrl, script } = values
  return {
    url,
    home: resolve(home),
    checkout: resolve(checkout),
    researcher: researcherOf(researcher),
    waitSeconds: Number(wait) || 0,
    ...(data === undefined ? {} : { data: resolve(data) }),
    ...(name === undefined ? {} : { name }),
    ...(lane === undefined ? {} : { lane }),
    ...(baseUrl === undefined ? {} : { baseUrl }),
    ...(script === undefined ? {} : { script: resolve(script) }),
  }
}

function researcherOf(text: string): ResearcherOf {
  try {
    return parseResearcher(text)
  } catch (error) {
    if (error instanceof ResearcherInvalid) throw new Usage(error.message, { cause: error })
    throw error
  }
}

/** Hash of the frozen sources the checkout was built from, as its build wrote it. */
export function builtFrozen(trainer: string): string {
  const file = join(trainer, 'build', 'frozen.sha256')
  try {
    const hash = readFileSync(file, 'utf8').trim().split(/\s/)[0] ?? ''
    if (/^[0-9a-f]{64}$/.test(hash)) return hash
    throw new Error('it holds no sha256')
  } catch (cause) {
    throw new Usage(
      `the trainer of this checkout is not built (${file}: ${(cause as Error).message}). Build it with: make -C ${trainer}`,
      { cause },
    )
  }
}

/** Name of the data set in a folder, where there is one. */
export function manifestOf(data: string | undefined): { manifest?: string } {
  if (data === undefined) return {}
  try {
    return {
      manifest: createHash('sha256')
        .update(readFileSync(join(data, 'manifest.json')))
        .digest('hex'),
    }
  } catch {
    return {}
  }
}
