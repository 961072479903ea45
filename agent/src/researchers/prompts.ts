// The prompts of a researcher, filled in. Everything somebody else wrote goes in as quoted data.
import { type Prompt, fillPrompt } from '@swarm/shared/prompt'
import { cleaned, quote } from '@swarm/shared/quoted'
import type { Hypothesis } from '@swarm/shared/hypothesis'
import type { Program } from '@swarm/shared/program'
import type { Over } from './researcher.ts'
import { RECIPE } from './search.ts'

const document = (name: string): URL => new URL(`../../prompts/${name}.md`, import.meta.url)

const MOST = { program: 16_000, recipe: 64_000, digest: 80_000, hypothesis: 6_000, diff: 24_000, log: 6_000 } as const

/** A hypothesis with all that was said for it. */
function words({ title, mechanism, expected, area, builds, risk, origin, parent }: Hypothesis): string {
  const lines: [string, string | undefined][] = [
    ['Hypothesis', title],
    ['Mechanism', mechanism],
    ['Expected gain', expected === undefined ? undefined : `${expected.gain} bits per byte; ${expected.why}`],
    ['Area', area],
    ['Grew from', parent],
    ['Builds on', builds?.join(', ')],
    ['Risk', risk],
    ['Origin', origin],
  ]
  return lines
    .flatMap(([name, text]) => (text === undefined || text === '' ? [] : [`${name}: ${cleaned(text, 1_500)}`]))
    .join('\n')
}

const programOf = (tag: string, { prose }: Program): string =>
  quote(prose, { tag, what: 'program.md', most: MOST.program, kept: 'start' })

export function authorPrompt(tag: string, hypothesis: Hypothesis, program: Program, recipe: string): Prompt {
  return fillPrompt(document('author'), {
    tag,
    metric: program.metric,
    direction: program.direction,
    editable: program.editable,
    program: programOf(tag, program),
    recipe_file: `${program.editable}${RECIPE}`,
    recipe: quote(recipe, { tag, what: RECIPE, most: MOST.recipe, kept: 'start' }),
    id: hypothesis.id,
    hypothesis: quote(words(hypothesis), { tag, what: 'hypothesis', most: MOST.hypothesis, kept: 'start' }),
  })
}

/** For a command-line agent, which has tools of its own and reads the recipe itself. */
export function cliPrompt(tag: string, hypothesis: Hypothesis, program: Program): Prompt {
  return fillPrompt(document('cli'), {
    tag,
    metric: program.metric,
    direction: program.direction,
    editable: program.editable,
    program: programOf(tag, program),
    recipe_file: `${program.editable}${RECIPE}`,
    id: hypothesis.id,
    hypothesis: quote(words(hypothesis), { tag, what: 'hypothesis', most: MOST.hypothesis, kept: 'start' }),
  })
}

export function proposePrompt(tag: string, program: Program, digest: string, count: number): Prompt {
  return fillPrompt(document('propose'), {
    tag,
    metric: program.metric,
    direction: program.direction,
    program: programOf(tag, program),
    digest: quote(digest, { tag, what: 'board', most: MOST.digest, kept: 'start' }),
    count: String(count),
  })
}

export function lessonPrompt(tag: string, over: Over): Prompt {
  const { hypothesis, program, diff, log } = over
  return fillPrompt(document('lesson'), {
    tag,
    metric: program.metric,
    noise: String(program.noise),
    id: hypothesis.id,
    hypothesis: quote(words(hypothesis), { tag, what: 'hypothesis', most: MOST.hypothesis, kept: 'start' }),
    diff: quote(diff, { tag, what: 'diff', most: MOST.diff, kept: 'start' }),
    numbers: quote(numbers(over), { tag, what: 'result', most: 2_000, kept: 'start' }),
    log:
      log === undefined || log === '' ? 'It left no log.' : quote(log, { tag, what: 'end of the log', most: MOST.log }),
  })
}

function numbers({ outcome, cause, measurement: m, control }: Over): string {
  const lines = [`outcome: ${outcome}`]
  if (cause !== undefined) lines.push(`cause: ${cleaned(cause, 1_000)}`)
  if (m !== undefined) {
    lines.push(`val_bpb: ${m.valBpb.toFixed(5)}`)
    if (control !== undefined)
      lines.push(`val_bpb of the base on this seed: ${control.toFixed(5)} (gain ${(control - m.valBpb).toFixed(5)})`)
    lines.push(`steps: ${m.steps}`, `tokens: ${m.tokens}`, `last training loss: ${m.trainLoss.toFixed(4)}`)
    lines.push(`parameters: ${m.paramsM} M`, `layers: ${m.depth}`, `training seconds: ${m.trainingSeconds.toFixed(1)}`)
  }
  return lines.join('\n')
}
