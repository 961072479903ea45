// Researchers of `swarm doctor`: whose command line is here, whose key is here (never its value), what a server speaks, what is priced.
// None of them is needed: a swarm without any searches. So nothing is wrong unless somebody named a server that does not answer.
import { hasKey, KeyMissing, type KeyOf } from '@swarm/shared/model/keys'
import { speaks } from '@swarm/shared/model/speaks'
import { parseShares } from '@swarm/shared/researcher'
import { priceOf, readPrices } from '../../purse/prices.ts'
import { onPath } from '../../server/binary.ts'
import { run } from '@swarm/shared/exec'
import type { Check } from './checks.ts'

export interface Asked {
  /** As for `swarm up`; absent: every kind there is is looked for. */
  researcher?: string
  baseUrl?: string
  prices?: string
}

const CLI_SECONDS = 15

export async function researchers(asked: Asked): Promise<Check[]> {
  return [
    ...keys(),
    await cli('claude', 'npm install -g @anthropic-ai/claude-code'),
    await cli('codex', 'npm install -g @openai/codex'),
    ...(asked.baseUrl === undefined ? [] : [await server(asked.baseUrl)]),
    ...prices(asked),
  ]
}

function keys(): Check[] {
  return (['anthropic', 'openai'] as const).map((provider): Check => {
    const name = `${provider} key`
    try {
      return { name, ok: true, found: hasKey(provider) ? 'found' : 'none (needed for its models alone)' }
    } catch (error) {
      if (!(error instanceof KeyMissing)) throw error
      return { name, ok: false, found: 'cannot be used', fix: error.message }
    }
  })
}

/** The user's own command line: found, and which version it is. */
async function cli(name: 'claude' | 'codex', get: string): Promise<Check> {
  const file = onPath(name)
  if (file === undefined) return { name, ok: true, found: `not there (not needed; ${get})` }
  try {
    const { code, stdout } = await run(file, ['--version'], { timeoutMs: CLI_SECONDS * 1_000 })
    const key = hasKey(name satisfies KeyOf) ? 'with a key' : 'with its own login'
    const version = stdout.split('\n')[0]?.trim()
    if (code === 0) return { name, ok: true, found: `${version}, ${key}, ${file}` }
  } catch {
    /* said below */
  }
  return { name, ok: false, found: `${file} does not say its version`, fix: `${file} --version` }
}

async function server(baseUrl: string): Promise<Check> {
  const signal = AbortSignal.timeout(2 * CLI_SECONDS * 1_000)
  const first = await speaks(baseUrl, undefined, signal)
  // Anthropic's kind of address has no /v1.
  const short = 'protocols' in first && first.protocols.length === 0 && !/\/v1\/*$/.test(baseUrl)
  const said = short ? await speaks(`${baseUrl.replace(/\/+$/, '')}/v1`, undefined, signal) : first
  const name = 'model server'
  if ('silent' in said)
    return { name, ok: false, found: said.silent, fix: `is it up, and is ${baseUrl} its address, with /v1?` }
  const words = { responses: 'Responses', chat: 'Chat Completions', messages: 'Messages' } as const
  if (said.protocols.length === 0)
    return { name, ok: false, found: `${baseUrl} speaks no protocol of ours`, fix: 'an address mostly ends with /v1' }
  const openai = said.protocols.find((p) => p !== 'messages')
  const used = openai === undefined ? '' : `; openai uses ${words[openai]}`
  return { name, ok: true, found: `${baseUrl} speaks ${said.protocols.map((p) => words[p]).join(', ')}${used}` }
}

function prices({ researcher, prices: file }: Asked): Check[] {
  try {
    const table = readPrices(file)
    const all: Check = { name: 'prices', ok: true, found: `of ${table.date}` }
    const models =
      researcher === undefined
        ? []
        : parseShares(researcher).flatMap(({ researcher: r }) => (r.model === undefined ? [] : [r]))
    return [
      all,
      ...models.map(({ name, model }): Check => {
        const p = priceOf(table, name, model as string)
        const found =
          p === undefined
            ? 'price unknown: it runs, but not with --budget-usd'
            : `$${p.input} in, $${p.cacheRead} cached, $${p.output} out for a million tokens`
        return { name: `${name}:${model}`, ok: true, found }
      }),
    ]
  } catch (error) {
    return [{ name: 'prices', ok: false, found: (error as Error).message, fix: 'see coordinator/prices.json' }]
  }
}
