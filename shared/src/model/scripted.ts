// A model that answers from a file: for tests, the demo, and swarms without a key. Its calls are counted as any, and cost nothing.
// Without a file of yours it answers from demo.json: three ideas for the shipped recipe, each more than a knob.
//   { "hypotheses": { "TITLE": { "edits": [{ "file": "train.cu", "old": "…", "new": "…" }], "lesson": "…", "followUps": [{ "title": "…" }] } },
//     "authors":    [ …the same, for titles not named above, in order, the last one for ever… ],
//     "answers":    { "hypotheses": [ { "hypotheses": [{ "title": "…" }] }, … ] } }      by the name of what is asked for, in order
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { NO_USAGE } from '../call.ts'
import { Proposal } from '../hypothesis.ts'
import type { Request, ToolUse, Turn } from './model.ts'
import type { Sent, Wire } from './wire.ts'

const Authored = z.strictObject({
  edits: z.array(z.strictObject({ file: z.string(), old: z.string(), new: z.string() })).default([]),
  /** Other uses of tools, one a turn, after the edits. */
  uses: z.array(z.strictObject({ name: z.string(), input: z.record(z.string(), z.unknown()) })).default([]),
  giveUp: z.string().optional(),
  lesson: z.string().optional(),
  followUps: z.array(Proposal).max(3).default([]),
})
type Authored = z.infer<typeof Authored>

export const Script = z.strictObject({
  hypotheses: z.record(z.string(), Authored).default({}),
  authors: z.array(Authored).default([]),
  answers: z.record(z.string(), z.array(z.record(z.string(), z.unknown()))).default({}),
})
export type Script = z.infer<typeof Script>

/** The file cannot be used; the message says what would be right. */
export class ScriptInvalid extends Error {
  override name = 'ScriptInvalid'
}

/** Three ideas for the shipped recipe: what `scripted` answers from when nobody names a file. */
export const DEMO = path.join(import.meta.dirname, 'demo.json')

export function readScript(file: string = DEMO): Script {
  try {
    return Script.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (cause) {
    const issue = cause instanceof z.ZodError ? cause.issues[0] : undefined
    const why = issue === undefined ? (cause as Error).message : `${issue.path.join('.')}: ${issue.message}`
    throw new ScriptInvalid(`the script ${file} cannot be used: ${why}`, { cause })
  }
}

export class ScriptedWire implements Wire {
  readonly provider = 'scripted'
  readonly name = 'script'
  /** Which of `authors` a title got, and how many answers of each name were given. */
  readonly #dealt = new Map<string, Authored>()
  readonly #given = new Map<string, number>()

  constructor(private readonly script: Script) {}

  size(): Promise<number> {
    return Promise.resolve(0)
  }

  send(request: Request): Promise<Sent> {
    const { answer } = request
    const said =
      answer === undefined ? this.#author(request) : { text: JSON.stringify(this.#answer(request, answer.name)) }
    const uses = 'uses' in said ? said.uses : []
    const turn: Turn = {
      stop: uses.length > 0 ? 'tools' : 'end',
      text: 'text' in said ? said.text : '',
      uses,
      usage: NO_USAGE,
    }
    return Promise.resolve({ how: 'completed', turn, told: true, limits: {} })
  }

  #authored({ purpose }: Request): Authored {
    const title = purpose.hypothesis?.title ?? ''
    const known = this.script.hypotheses[title] ?? this.#dealt.get(title)
    if (known !== undefined) return known
    const { authors } = this.script
    const dealt =
      authors[Math.min(this.#dealt.size, authors.length - 1)] ??
      Authored.parse({ giveUp: 'the script knows no such hypothesis' })
    this.#dealt.set(title, dealt)
    return dealt
  }

  #author(request: Request): { uses: ToolUse[] } | { text: string } {
    const { edits, uses, giveUp } = this.#authored(request)
    const steps: Omit<ToolUse, 'id'>[][] = [
      ...(edits.length === 0 ? [] : [edits.map((input) => ({ name: 'replace', input }))]),
      ...uses.map((use) => [use]),
      ...(giveUp === undefined ? [] : [[{ name: 'give_up', input: { reason: giveUp } }]]),
    ]
    const n = request.messages.filter(({ from }) => from === 'model').length
    const step = steps[n]
    return step === undefined ? { text: 'Done.' } : { uses: step.map((use, i) => ({ ...use, id: `use-${n}-${i}` })) }
  }

  #answer(request: Request, name: string): object {
    if (request.purpose.role === 'lesson') {
      const { lesson, followUps } = this.#authored(request)
      return { lesson: lesson ?? '', follow_ups: followUps.map(cardOf) }
    }
    const n = this.#given.get(name) ?? 0
    this.#given.set(name, n + 1)
    const given = this.script.answers[name]?.[n] ?? { hypotheses: [] }
    const { hypotheses } = given
    return Array.isArray(hypotheses)
      ? { ...given, hypotheses: hypotheses.map((h) => cardOf(Proposal.parse(h))) }
      : given
  }
}

/** A proposal in the words of its card. */
const cardOf = ({ title, mechanism = '', expected, area, builds = [], risk }: Proposal): object => ({
  title,
  mechanism,
  expected_gain: expected?.gain ?? null,
  expected_why: expected?.why ?? null,
  area: area ?? null,
  builds,
  risk: risk ?? null,
})
