// Which researcher an agent has: NAME[:MODEL], and how many agents get it.
import { z } from 'zod'

export const RESEARCHER_NAMES = ['search', 'scripted', 'anthropic', 'openai', 'claude', 'codex'] as const

export const ResearcherOf = z.strictObject({
  name: z.enum(RESEARCHER_NAMES),
  /** The model it asks, where there is a choice. */
  model: z.string().min(1).max(128).optional(),
})
export type ResearcherOf = z.infer<typeof ResearcherOf>

/** The words given to --researcher cannot be used; the message says what would be right. */
export class ResearcherInvalid extends Error {
  override name = 'ResearcherInvalid'
}

/** Can it write a hypothesis that is only a sentence? */
export const reads = (researcher: ResearcherOf | undefined): boolean =>
  researcher !== undefined && researcher.name !== 'search'

export const spell = ({ name, model }: ResearcherOf): string => (model === undefined ? name : `${name}:${model}`)

export function parseResearcher(text: string): ResearcherOf {
  const [, name = '', model] = /^([^:]*)(?::(.*))?$/s.exec(text) ?? []
  const parsed = ResearcherOf.safeParse({ name, ...(model === undefined ? {} : { model }) })
  if (!parsed.success)
    throw new ResearcherInvalid(`--researcher ${text}: NAME or NAME:MODEL, NAME one of ${RESEARCHER_NAMES.join(', ')}`)
  return parsed.data
}

/** `anthropic:MODEL=4,codex=2,search`: researchers with their shares, 1 where none is given. A model's own colons and slashes are part of it. */
export function parseShares(text: string): { researcher: ResearcherOf; share: number }[] {
  return text.split(',').map((part) => {
    const [, who = '', count] = /^(.*?)(?:=(\d+))?$/s.exec(part.trim()) ?? []
    const share = count === undefined ? 1 : Number(count)
    if (share < 1 || share > 1_000)
      throw new ResearcherInvalid(`--researcher ${part}: a share is a number from 1 to 1000`)
    return { researcher: parseResearcher(who), share }
  })
}

/** One researcher for each of `agents` agents, as near to the shares as whole agents allow, every share spread evenly. */
export function deal(shares: readonly { researcher: ResearcherOf; share: number }[], agents: number): ResearcherOf[] {
  const total = shares.reduce((sum, { share }) => sum + share, 0)
  const given = shares.map(() => 0)
  return Array.from({ length: agents }, (_, i) => {
    // Whoever is furthest behind its due comes next; the first named wins a tie.
    const behind = shares.map(({ share }, k) => ((i + 1) * share) / total - (given[k] as number))
    const k = behind.indexOf(Math.max(...behind))
    given[k] = (given[k] as number) + 1
    return (shares[k] as { researcher: ResearcherOf }).researcher
  })
}
