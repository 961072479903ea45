// The director's prompts, filled in. Everything somebody else wrote goes in as quoted data.
import type { Proposal } from '@swarm/shared/hypothesis'
import type { Program } from '@swarm/shared/program'
import { fillPrompt, type Prompt } from '@swarm/shared/prompt'
import { quote } from '@swarm/shared/quoted'

const document = (name: string): URL => new URL(`../../prompts/${name}.md`, import.meta.url)
const MOST = { program: 16_000, recipe: 64_000, digest: 80_000, hypotheses: 16_000 } as const

export function directorPrompt(tag: string, program: Program, recipe: string, digest: string, count: number): Prompt {
  return fillPrompt(document('director'), {
    tag,
    metric: program.metric,
    direction: program.direction,
    program: quote(program.prose, { tag, what: 'program.md', most: MOST.program, kept: 'start' }),
    recipe_file: `${program.editable}train.cu`,
    recipe: quote(recipe, { tag, what: 'train.cu', most: MOST.recipe, kept: 'start' }),
    digest: quote(digest, { tag, what: 'board', most: MOST.digest, kept: 'start' }),
    count: String(count),
  })
}

export function critiquePrompt(tag: string, program: Program, digest: string, proposals: readonly Proposal[]): Prompt {
  const words = proposals.map((p, i) => {
    const lines: [string, string | undefined][] = [
      [`${i + 1}`, p.title],
      ['  Mechanism', p.mechanism],
      ['  Expected gain', p.expected === undefined ? undefined : `${p.expected.gain}; ${p.expected.why}`],
      ['  Area', p.area],
      ['  Builds on', p.builds?.join(', ')],
      ['  Risk', p.risk],
    ]
    return lines
      .flatMap(([name, text]) => (text === undefined ? [] : [`${name}: ${text.replace(/\s+/g, ' ')}`]))
      .join('\n')
  })
  return fillPrompt(document('critique'), {
    tag,
    metric: program.metric,
    direction: program.direction,
    digest: quote(digest, { tag, what: 'board', most: MOST.digest, kept: 'start' }),
    hypotheses: quote(words.join('\n'), { tag, what: 'hypotheses', most: MOST.hypotheses, kept: 'start' }),
  })
}
