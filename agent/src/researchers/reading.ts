// The researcher that asks a model over an interface (anthropic, openai, scripted): a conversation with the author's tools for the edit,
// an answer of a fixed shape for proposals and lessons.
import type { CallRole } from '@swarm/shared/call'
import type { Proposal } from '@swarm/shared/hypothesis'
import { answer } from '@swarm/shared/model/answer'
import { LessonCard, proposalsOf, ProposalsCard } from '@swarm/shared/model/cards'
import { converse } from '@swarm/shared/model/converse'
import type { Model, Purpose, Request } from '@swarm/shared/model/model'
import type { Program } from '@swarm/shared/program'
import type { Prompt } from '@swarm/shared/prompt'
import { cleaned, freshTag } from '@swarm/shared/quoted'
import { type Ending, plain } from '../ending.ts'
import { build } from '../tools/build.ts'
import { type Desk, MOST_TEXT, readText } from '../tools/desk.ts'
import { giveUp } from '../tools/give_up.ts'
import { read } from '../tools/read.ts'
import { replace } from '../tools/replace.ts'
import { search } from '../tools/search.ts'
import { tryOut } from '../tools/try.ts'
import { authorPrompt, lessonPrompt, proposePrompt } from './prompts.ts'
import type { Nothing, Over, Researcher, Taught, Task } from './researcher.ts'
import { RECIPE } from './search.ts'

const TURNS = 30
const TURN_TOKENS = 8_000
const ANSWER_TOKENS = 4_000

export class Reading implements Researcher {
  readonly reads = true
  /** One for the life of this process: a new one in each prompt would spoil the provider's cache. */
  readonly #tag: string

  constructor(
    readonly name: string,
    private readonly model: Model,
    /** What this agent is called. */
    private readonly by: () => string,
    private readonly log: (line: string) => void,
    tag = freshTag(),
  ) {
    this.#tag = tag
  }

  async write(task: Task): Promise<'written' | Ending> {
    const { hypothesis, experiment, dir, editable, program, workbench, signal } = task
    const desk: Desk = { dir, editable, readable: [editable, 'trainer-native/engine/'], tag: this.#tag, workbench }
    const recipe = await readText(desk, `${editable}${RECIPE}`).catch((error: Error) => error)
    if (recipe instanceof Error) return { outcome: 'conflict', cause: `the base has no readable ${editable}${RECIPE}` }
    let reason: string | undefined
    const gaveUp = giveUp((why) => {
      reason = why
    })
    const tools = [read(desk), search(desk), replace(desk), build(desk), tryOut(desk), gaveUp]
    const purpose: Purpose = { by: this.by(), role: 'author', hypothesis, experiment }
    const request = { ...asked(purpose, authorPrompt(this.#tag, hypothesis, program, recipe), TURN_TOKENS), tools }
    const rules = {
      turns: TURNS,
      toolText: MOST_TEXT + 1_000,
      ended: () => reason !== undefined,
      see: ({ name }: { name: string }, text: string, failed: boolean) =>
        this.log(`${experiment}: ${name}${failed ? ' failed' : ''}: ${cleaned(text, 160)}`),
    }
    const made = await converse(this.model, request, rules, signal)
    if (reason !== undefined) return { outcome: 'empty-diff', cause: `the author gave up: ${plain(reason, 1_000)}` }
    if ('none' in made) return { outcome: 'infra-failed', cause: `no author: ${this.#word(made.why)}` }
    // However it ended, what stands in the worktree is its edit: the build and the first steps say what that is worth.
    this.log(`${experiment}: the author ended after ${made.turns} turns (${made.how}): ${plain(made.text, 300)}`)
    if (made.how === 'refusal') return { outcome: 'empty-diff', cause: `the model refused: ${plain(made.text, 500)}` }
    return 'written'
  }

  async propose(
    { digest, program, count }: { digest: string; program: Program; count: number },
    signal: AbortSignal,
  ): Promise<Proposal[] | Nothing> {
    const request = asked(this.#purpose('propose'), proposePrompt(this.#tag, program, digest, count), ANSWER_TOKENS)
    const made = await answer(this.model, { ...request, answer: { name: 'hypotheses', schema: ProposalsCard } }, signal)
    return 'none' in made ? { nothing: this.#word(made.why) } : proposalsOf(made.value.hypotheses, count)
  }

  async learn(over: Over, signal: AbortSignal): Promise<Taught | Nothing> {
    const purpose = { ...this.#purpose('lesson'), hypothesis: over.hypothesis, experiment: over.experiment }
    const request = asked(purpose, lessonPrompt(this.#tag, over), ANSWER_TOKENS)
    const made = await answer(this.model, { ...request, answer: { name: 'lesson', schema: LessonCard } }, signal)
    if ('none' in made) return { nothing: this.#word(made.why) }
    const lesson = plain(made.value.lesson, 2_000).trim()
    return lesson === ''
      ? { nothing: 'the lesson is empty' }
      : { lesson, followUps: proposalsOf(made.value.follow_ups, 3) }
  }

  #purpose(role: CallRole): Purpose {
    return { by: this.by(), role }
  }

  #word(why: string): string {
    return `${this.model.provider}:${this.model.name}: ${plain(why, 500)}`
  }
}

const asked = (purpose: Purpose, { system, user }: Prompt, maxTokens: number): Request => ({
  purpose,
  system,
  messages: [{ from: 'user', text: user }],
  maxTokens,
})
