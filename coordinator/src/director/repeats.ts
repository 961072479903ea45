// Has this been proposed before? Three tests, the first that holds is the reason: the same knobs to the same values; the same title but
// for case, punctuation and small words; or nearly the same words (Jaccard index of the word sets at least `ALIKE`) with the same
// numbers in them. Pure and cheap: no model is asked.
import { knobKey } from '@swarm/shared/hypothesis'
import type { Board, HypothesisRecord } from '../board/schema.ts'

export const ALIKE = 0.75

const SMALL = new Set(
  'a an and are as at be by for from in into is it its of on or per so that the their then this to use using with'.split(
    ' ',
  ),
)

interface Wording {
  words: Set<string>
  numbers: string
  /** The title without case, punctuation, small words and endings. */
  plain: string
}

const known = new Map<string, Wording>()
const MOST_KNOWN = 20_000

function wording(title: string): Wording {
  const there = known.get(title)
  if (there !== undefined) return there
  const found = title
    .normalize('NFKC')
    .toLowerCase()
    .match(/\d+(?:\.\d+)?(?:e-?\d+)?|\p{L}+/gu)
  const words = (found ?? []).filter((word) => !SMALL.has(word)).map(stem)
  const made = {
    words: new Set(words),
    numbers: words
      .filter((word) => /^\d/.test(word))
      .map(Number)
      .sort((a, b) => a - b)
      .join(' '),
    plain: words.join(' '),
  }
  if (known.size >= MOST_KNOWN) known.clear()
  known.set(title, made)
  return made
}

/** Layers and layer, sharing and share: endings of English that change no idea. */
const stem = (word: string): string =>
  word.length > 4 ? word.replace(/(?:ings?|ed|es|s|e)$/, '').replace(/([bdgmnprt])\1$/, '$1') : word

/** Words that turn an idea around. */
const OPPOSITES = new Map(
  'add remove, raise lower, raise reduce, increase decrease, increase reduce, more fewer, more less, larger smaller, bigger smaller, wider narrower, longer shorter, deeper shallower, earlier later, before after, first last, without have, on off, enable disable, freeze train, tie untie, share separate'
    .split(', ')
    .flatMap((pair) => {
      const [a, b] = pair.split(' ').map(stem) as [string, string]
      return [[`${a} ${b}`, true] as const, [`${b} ${a}`, true] as const]
    }),
)

/**
 * Share of words two titles have in common, of all the words they have: 1 the same, 0 nothing. Other numbers, or a word on one side
 * whose opposite is on the other, make it another idea: 0.
 */
export function alike(a: string, b: string): number {
  const x = wording(a)
  const y = wording(b)
  if (x.numbers !== y.numbers) return 0
  if (x.plain === y.plain) return 1
  const only = (p: Wording, q: Wording): string[] => [...p.words].filter((word) => !q.words.has(word))
  const theirs = only(y, x)
  if (only(x, y).some((word) => theirs.some((other) => OPPOSITES.has(`${word} ${other}`)))) return 0
  let both = 0
  for (const word of x.words) if (y.words.has(word)) both++
  return both / (x.words.size + y.words.size - both)
}

/** Knobs a title sets to values: "Lower MUON_LR from 0.04 to 0.02", "DEPTH=6". */
function knobsIn(title: string): string | undefined {
  const edits = [...title.matchAll(/\b([A-Z][A-Z0-9_]{2,})\b\s*(?:=|:=|from\s+\S+\s+to|to)\s*([\w.+-]*\w)/g)].map(
    ([, knob, value]) => ({ knob: knob as string, value: value as string }),
  )
  return knobKey(edits)
}

export interface Repeat {
  of: string
  why: string
}

/** The hypothesis of the board that says the same, with the reason in words; undefined when there is none. */
export function repeatOf(board: Board, title: string): Repeat | undefined {
  const knobs = knobsIn(title)
  for (const h of board.hypotheses.values()) {
    const { id, title: before, edits } = h.hypothesis
    if (forgiven(board, h)) continue
    const came = `${id} ${cameTo(board, h)}`
    if (knobs !== undefined && knobKey(edits) === knobs) return { of: id, why: `the same knobs as ${came}` }
    const share = alike(title, before)
    if (share === 1) return { of: id, why: `the same as ${came}` }
    if (share >= ALIKE) return { of: id, why: `${Math.round(100 * share)}% the words of ${came}` }
  }
  return undefined
}

/** An outage was no try of the idea. */
function forgiven(board: Board, { finding }: HypothesisRecord): boolean {
  return finding !== undefined && board.findings.get(finding)?.finding.outcome === 'infra-failed'
}

function cameTo(board: Board, h: HypothesisRecord): string {
  if (h.vetoed !== undefined) return '(vetoed)'
  const finding = h.finding === undefined ? undefined : board.findings.get(h.finding)?.finding
  return finding === undefined ? '(open)' : `(${finding.verdict})`
}
