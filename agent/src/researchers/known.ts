// The researchers there are, from the words given to --researcher.
import { openModel } from '@swarm/shared/model/open'
import type { Purse } from '@swarm/shared/model/purse'
import type { ResearcherOf } from '@swarm/shared/researcher'
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
export function hire(hiring: Hiring): Researcher {
  const { researcher, by, log } = hiring
  if (researcher.name === 'search') return search
  return new Reading(researcher.name, openModel(hiring), by, log)
}
