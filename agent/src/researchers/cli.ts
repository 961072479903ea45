// The researcher that is the user's own command-line agent (claude, codex), headless in the worktree. It edits files; the swarm takes the
// diff, whatever it says of itself. One run is one call: reserved at a ceiling, settled with what it says it used.
import { mkdtemp, rm } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CallRole, NO_USAGE, type Usage } from '@swarm/shared/call'
import { describeEnd, start } from '@swarm/shared/exec'
import type { Proposal } from '@swarm/shared/hypothesis'
import { readAnswer } from '@swarm/shared/model/answer'
import { LessonCard, proposalsOf, ProposalsCard } from '@swarm/shared/model/cards'
import { granted } from '@swarm/shared/model/granted'
import type { Purse } from '@swarm/shared/model/purse'
import type { Program } from '@swarm/shared/program'
import type { Prompt } from '@swarm/shared/prompt'
import { freshTag } from '@swarm/shared/quoted'
import { z } from 'zod'
import { type Ending, plain } from '../ending.ts'
import { cliPrompt, lessonPrompt, proposePrompt } from './prompts.ts'
import type { Nothing, Over, Researcher, Taught, Task } from './researcher.ts'

/** What one run may take at most. Only money is kept by a CLI itself (claude: --max-budget-usd); the rest is our over-estimate. */
interface Ceiling {
  input: number
  output: number
  usd: number
  ms: number
}
const WRITING: Ceiling = { input: 400_000, output: 40_000, usd: 2, ms: 20 * 60_000 }
const ANSWERING: Ceiling = { input: 60_000, output: 8_000, usd: 0.5, ms: 5 * 60_000 }

export interface Command {
  prompt: Prompt
  dir: string
  editable: string
  /** May it use tools and edit? */
  edits: boolean
  usd: number
}

/** What the lines of a run came to. */
export interface Heard {
  text: string
  usage?: Usage
  saidUsd?: number
  /** It says itself that it failed. */
  failed?: string
}

export interface Cli {
  readonly name: 'claude' | 'codex'
  readonly model: string | undefined
  /** Does it keep a ceiling of money? */
  readonly keepsUsd: boolean
  command(command: Command): { args: string[]; env: Record<string, string>; input?: string }
  hear(line: Record<string, unknown>, heard: Heard): void
}

export interface CliCompany {
  purse: Purse
  by: () => string
  log: (line: string) => void
  tag?: string
}

type Errand = Pick<Command, 'prompt' | 'dir' | 'editable' | 'edits'> & {
  role: CallRole
  hypothesis?: string
  experiment?: string
}

export class CliResearcher implements Researcher {
  readonly reads = true
  readonly name: string
  readonly #tag: string

  constructor(
    private readonly cli: Cli,
    private readonly company: CliCompany,
  ) {
    this.name = cli.name
    this.#tag = company.tag ?? freshTag()
  }

  async write({ hypothesis, experiment, dir, editable, program, signal }: Task): Promise<'written' | Ending> {
    const prompt = cliPrompt(this.#tag, hypothesis, program)
    const errand: Errand = { prompt, dir, editable, edits: true, role: 'author', hypothesis: hypothesis.id, experiment }
    const heard = await this.#run(errand, WRITING, signal)
    if ('nothing' in heard) return { outcome: 'infra-failed', cause: `no author: ${heard.nothing}` }
    const gaveUp = /^\W*GIVE UP:\s*(.*)/m.exec(heard.text)
    if (gaveUp !== null) return { outcome: 'empty-diff', cause: `the author gave up: ${plain(gaveUp[1] ?? '', 1_000)}` }
    this.company.log(`${experiment}: ${this.name}: ${plain(heard.text, 300)}`)
    return 'written'
  }

  async propose(
    { digest, program, count }: { digest: string; program: Program; count: number },
    signal: AbortSignal,
  ): Promise<Proposal[] | Nothing> {
    const prompt = proposePrompt(this.#tag, program, digest, count)
    const made = await this.#answer({ prompt, role: 'propose' }, ProposalsCard, signal)
    return 'nothing' in made ? made : proposalsOf(made.value.hypotheses, count)
  }

  async learn(over: Over, signal: AbortSignal): Promise<Taught | Nothing> {
    const { experiment, hypothesis } = over
    const prompt = lessonPrompt(this.#tag, over)
    const errand = { prompt, role: 'lesson' as const, hypothesis: hypothesis.id, experiment }
    const made = await this.#answer(errand, LessonCard, signal)
    if ('nothing' in made) return made
    const lesson = plain(made.value.lesson, 2_000).trim()
    if (lesson === '') return { nothing: 'the lesson is empty' }
    return { lesson, followUps: proposalsOf(made.value.follow_ups, 3) }
  }

  /** In an empty folder, without tools: the CLIs' own ways to a fixed shape differ, so the shape is asked for in words and checked. */
  async #answer<S extends z.ZodObject>(
    errand: Omit<Errand, 'dir' | 'editable' | 'edits'>,
    schema: S,
    signal: AbortSignal,
  ): Promise<{ value: z.infer<S> } | Nothing> {
    const dir = await mkdtemp(join(tmpdir(), 'swarm-answer-'))
    try {
      const shape = `\n\nAnswer with one JSON object and nothing else. Its JSON schema:\n${JSON.stringify(z.toJSONSchema(schema))}`
      const prompt = { ...errand.prompt, user: errand.prompt.user + shape }
      const heard = await this.#run({ ...errand, prompt, dir, editable: '', edits: false }, ANSWERING, signal)
      if ('nothing' in heard) return heard
      const read = readAnswer(schema, heard.text)
      return 'value' in read ? read : { nothing: `${this.name}: ${read.wrong}` }
    } finally {
      await rm(dir, { recursive: true, force: true })
    }
  }

  /** Reserve, run, settle. Undefined usage counts as lost: nobody can tell. */
  async #run(errand: Errand, most: Ceiling, signal: AbortSignal): Promise<Heard | Nothing> {
    const { purse, by, log } = this.company
    const { role, hypothesis, experiment } = errand
    const id = randomUUID()
    const no = await granted(
      purse,
      {
        id,
        by: by(),
        role,
        provider: this.name,
        model: this.cli.model ?? 'default',
        ...(hypothesis === undefined ? {} : { hypothesis }),
        ...(experiment === undefined ? {} : { experiment }),
        upTo: { input: most.input, output: most.output, ...(this.cli.keepsUsd ? { usd: most.usd } : {}) },
      },
      signal,
    )
    if (no !== undefined) return { nothing: no.why }
    const began = performance.now()
    const heard = await this.#child({ ...errand, usd: most.usd }, most.ms, signal)
    const { usage, saidUsd } = 'nothing' in heard ? heard.heard : heard
    await purse
      .settle({
        id,
        how: usage === undefined ? 'lost' : 'completed',
        usage: usage ?? NO_USAGE,
        ...(saidUsd === undefined ? {} : { saidUsd }),
        seconds: (performance.now() - began) / 1_000,
      })
      .catch((error: Error) => log(`call ${id} could not be settled: ${error.message}`))
    return heard
  }

  async #child(command: Command, ms: number, signal: AbortSignal): Promise<Heard | (Nothing & { heard: Heard })> {
    const { args, env, input } = this.cli.command(command)
    const heard: Heard = { text: '' }
    let last = ''
    const child = start(this.name, args, {
      cwd: command.dir,
      env,
      timeoutMs: ms,
      signal,
      keepOutput: false,
      ...(input === undefined ? {} : { input }),
    })
    try {
      for await (const line of child.lines()) {
        const event = eventOf(line)
        if (event !== undefined) this.cli.hear(event, heard)
        else if (line.trim() !== '') last = line
      }
    } catch {
      /* how it ended says more than a pipe that broke */
    }
    const { end } = await child.ended
    if (end.how === 'exit' && end.code === 0 && heard.failed === undefined) return heard
    const why = heard.failed ?? (last === '' ? '' : last)
    return { nothing: `${this.name} ${describeEnd(end)}${why === '' ? '' : `: ${plain(why, 300)}`}`, heard }
  }
}

function eventOf(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined
  try {
    return JSON.parse(line) as Record<string, unknown>
  } catch {
    return undefined
  }
}
