// The researchers there are, from the words given to --researcher.
import { takeKey } from '@swarm/shared/model/keys'
import { ModelUnknown, openModel } from '@swarm/shared/model/open'
import type { Purse } from '@swarm/shared/model/purse'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import type { ResearcherOf } from '@swarm/shared/researcher'
import { Claude } from './claude.ts'
import { CliResearcher } from './cli.ts'
import { Codex } from './codex.ts'
import { Reading } from './reading.ts'
import type { Researcher } from './researcher.ts'
import { search } from './search.ts'

export interface Hiring {
  researcher: ResearcherOf
  baseUrl?: string | undefined
  script?: string | undefined
  purse: Purse
  /** What this agent is called, once it has joined. */
  by: () => string
  log: (line: string) => void
}

/** Takes the researcher's key out of the environment. Throws KeyMissing, ModelUnknown or ScriptInvalid. */
export async function hire(hiring: Hiring): Promise<Researcher> {
  const { researcher, baseUrl, by, log } = hiring
  const { name, model } = researcher
  if (name === 'search') return search
  if (name === 'claude' || name === 'codex') needProgram(name)
  if (name === 'claude')
    return new CliResearcher(new Claude(model, takeKey(name), baseUrl ?? addressOf('ANTHROPIC_BASE_URL')), hiring)
  if (name === 'codex')
    return new CliResearcher(new Codex(model, takeKey(name), baseUrl ?? addressOf('OPENAI_BASE_URL')), hiring)
  return new Reading(name, await openModel(hiring), by, log)
}

function needProgram(name: string): void {
  const there = (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
  if (!there) throw new ModelUnknown(`there is no ${name} on PATH: install it, or name another --researcher`)
}

/** A server of one's own, where the environment names one. */
function addressOf(variable: string): string | undefined {
  const address = process.env[variable]
  return address === '' ? undefined : address
}
