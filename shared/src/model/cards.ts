// Cards: what models are asked to fill in. Every property is required and may be null where we can do without it; what is longer than the
// wire takes is shortened, not refused. Lengths stand in the descriptions, since providers differ in what of a schema they enforce.
import { z } from 'zod'
import { Area, HypothesisId, Proposal } from '../hypothesis.ts'
import { clean } from '../quoted.ts'

const ProposalCard = z.object({
  title: z.string().describe('The idea in one testable sentence of at most 200 characters.'),
  mechanism: z.string().describe('Why it should work: one mechanism, at most 1,000 characters.'),
  expected_gain: z
    .number()
    .nullable()
    .describe('How many bits per byte val_bpb should fall; null when you cannot say.'),
  expected_why: z.string().nullable().describe('Where that number comes from, at most 400 characters.'),
  area: z
    .string()
    .nullable()
    .describe('The part of the recipe, in small letters and dashes, e.g. optimizer, attention, schedule.'),
  builds: z
    .array(z.string())
    .describe('Ids (like h0012) of hypotheses whose findings it builds on; empty when it stands alone.'),
  risk: z.string().nullable().describe('What would make it fail, at most 400 characters.'),
})
type ProposalCard = z.infer<typeof ProposalCard>

export const ProposalsCard = z.object({ hypotheses: z.array(ProposalCard) })

export const LessonCard = z.object({
  lesson: z
    .string()
    .describe(
      'One paragraph of at most 1,200 characters: what was changed, what came of it, why probably, and what to remember.',
    ),
  follow_ups: z
    .array(ProposalCard)
    .describe('At most three hypotheses that follow from this result; empty when nothing does.'),
})

/** Undefined for a card without a title. */
export function proposalOf(card: ProposalCard): Proposal | undefined {
  const text = (value: string, most: number): string => clean(value, most, 'start').trim()
  const line = (value: string, most: number): string => text(value, most).replace(/\s+/g, ' ')
  const title = line(card.title, 300)
  if (title === '') return undefined
  const area = Area.safeParse(
    line(card.area ?? '', 60)
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/^-+|-+$/g, ''),
  )
  const builds = card.builds.filter((id) => HypothesisId.safeParse(id).success).slice(0, 8)
  const gain = card.expected_gain
  return Proposal.parse({
    title,
    ...(card.mechanism.trim() === '' ? {} : { mechanism: text(card.mechanism, 1_500) }),
    ...(gain === null || !Number.isFinite(gain) ? {} : { expected: { gain, why: text(card.expected_why ?? '', 600) } }),
    ...(area.success ? { area: area.data } : {}),
    ...(builds.length === 0 ? {} : { builds }),
    ...(card.risk === null || card.risk.trim() === '' ? {} : { risk: text(card.risk, 600) }),
  })
}

export const proposalsOf = (cards: readonly ProposalCard[], most: number): Proposal[] =>
  cards.flatMap((card) => proposalOf(card) ?? []).slice(0, most)
