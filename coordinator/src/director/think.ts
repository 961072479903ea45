// One thought of the director: proposals as structured output, then a critique of them against what failed. No board is changed here.
import { z } from 'zod'
import type { Proposal } from '@swarm/shared/hypothesis'
import { answer } from '@swarm/shared/model/answer'
import { ProposalsCard, proposalsOf } from '@swarm/shared/model/cards'
import type { Model, NoTurn } from '@swarm/shared/model/model'
import type { Program } from '@swarm/shared/program'
import { critiquePrompt, directorPrompt } from './prompts.ts'

const MOST_TOKENS = { proposals: 12_000, critique: 4_000 } as const

const CritiqueCard = z.object({
  verdicts: z.array(
    z.object({
      number: z.number().describe('The number of the hypothesis.'),
      keep: z.boolean(),
      why: z.string().describe('One sentence.'),
    }),
  ),
})

export interface Seen {
  tag: string
  program: Program
  recipe: string
  digest: string
  count: number
}

export interface Thought {
  proposals: Proposal[]
  dropped: { title: string; why: string }[]
}

export async function think(
  model: Model,
  seen: Seen,
  signal: AbortSignal,
): Promise<Thought | NoTurn | { none: 'unparsed'; why: string }> {
  const purpose = { by: 'director', role: 'director' } as const
  const { system, user } = directorPrompt(seen.tag, seen.program, seen.recipe, seen.digest, seen.count)
  const made = await answer(
    model,
    {
      purpose,
      system,
      messages: [{ from: 'user', text: user }],
      answer: { name: 'hypotheses', schema: ProposalsCard },
      maxTokens: MOST_TOKENS.proposals,
    },
    signal,
  )
  if ('none' in made) return made
  const proposals = proposalsOf(made.value.hypotheses, seen.count)
  if (proposals.length === 0) return { proposals, dropped: [] }
  const critique = critiquePrompt(seen.tag, seen.program, seen.digest, proposals)
  const judged = await answer(
    model,
    {
      purpose,
      system: critique.system,
      messages: [{ from: 'user', text: critique.user }],
      answer: { name: 'critique', schema: CritiqueCard },
      maxTokens: MOST_TOKENS.critique,
    },
    signal,
  )
  // Without a critique the proposals stand: they are paid for, and the verdict of an experiment is better than none.
  if ('none' in judged) return { proposals, dropped: [] }
  const against = new Map(judged.value.verdicts.filter((v) => !v.keep).map((v) => [v.number, v.why]))
  return {
    proposals: proposals.filter((_, i) => !against.has(i + 1)),
    dropped: proposals.flatMap((p, i) => {
      const why = against.get(i + 1)
      return why === undefined ? [] : [{ title: p.title, why }]
    }),
  }
}
