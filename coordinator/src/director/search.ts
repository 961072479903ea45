// The search researcher's proposals: changes of one knob, then of what has shown a gain, then of anything; never the same twice.
import { type Hypothesis, type KnobEdit, knobKey } from '@swarm/shared/hypothesis'
import { isAbout, type Knob } from '@swarm/shared/knobs'
import { draw, shuffled } from './draw.ts'
import { type Direction, ladder, settingOf, step, titleOf } from './steps.ts'

/** A knob hypothesis of the past (or of the queue), as the search sees it. */
export interface Past {
  id: string
  edits: readonly KnobEdit[]
  /** Knobs of every base it was planned on, oldest first. */
  bases: readonly (readonly Knob[])[]
  verdict?: 'confirmed' | 'refuted' | 'within-noise' | 'failed'
  /** Gain in σ: over fresh seeds where it got that far, else on the screen seed. Absent while it is open. */
  gain?: number
}

export type Proposal = Pick<Hypothesis, 'title' | 'origin' | 'edits'> & { parent?: string }

export interface Search {
  /** Knobs of the current best. */
  knobs: readonly Knob[]
  past: readonly Past[]
  seed: number
  /** Changes of a knob that is about this area come before all others. */
  focus?: string | undefined
}

/** Gains, in σ, from which a change is worth combining; two of them should pass a screen together. */
const NEAR = 0.5
const TOGETHER = 2
const RANDOM_TRIES = 2_000

/** The next `count` proposals. Fewer only when the whole space of settings has been tried. */
export function propose(search: Search, count: number): Proposal[] {
  const done = new Set(search.past.flatMap((p) => p.bases.map((base) => settingOf(base, p.edits))))
  // The best itself, and every best before it, has been run: it is a base.
  for (const p of search.past) for (const base of p.bases) done.add(settingOf(base, []))
  done.add(settingOf(search.knobs, []))
  const tries = new Map<string, number>()
  const tried = (key: string): unknown => tries.set(key, (tries.get(key) ?? 0) + 1)
  for (const p of search.past) tried(knobKey(p.edits) ?? '')
  const chosen: Proposal[] = []
  for (const next of candidates(search)) {
    if (chosen.length === count) break
    const setting = settingOf(search.knobs, next.edits)
    const key = knobKey(next.edits) ?? ''
    // On another best the same change is another experiment, but only what came close is worth a second one.
    if (done.has(setting) || (tries.get(key) ?? 0) >= (next.origin === 'combination' ? 2 : 1)) continue
    done.add(setting)
    tried(key)
    chosen.push(next)
  }
  return chosen
}

/** All candidates, the best first; endless for all that matters. */
function* candidates(search: Search): Generator<Proposal> {
  if (search.focus !== undefined) yield* inFocus(search, search.focus)
  yield* reasoned(search)
  yield* anything(search)
}

function* reasoned(search: Search): Generator<Proposal> {
  yield* furtherSteps(search)
  yield* otherWay(search)
  yield* combinations(search, TOGETHER)
  yield* singles(search)
  yield* combinations(search, 0)
}

/** Those of them that turn a knob of the area; they come again in their own place, and are then repeats. */
function* inFocus(search: Search, area: string): Generator<Proposal> {
  const about = new Set(search.knobs.filter((k) => isAbout(k, area)).map((k) => k.name))
  for (const next of reasoned(search)) if (next.edits.some((e) => about.has(e.knob))) yield next
}

function proposal(search: Search, origin: Proposal['origin'], edits: KnobEdit[], parent?: string): Proposal {
  return { title: titleOf(search.knobs, edits), origin, edits, ...(parent === undefined ? {} : { parent }) }
}

/** After a confirmed win: one more step in the same direction, from where the best stands now. The latest win first. */
function* furtherSteps(search: Search): Generator<Proposal> {
  for (const win of search.past.filter((p) => p.verdict === 'confirmed').reverse()) {
    for (const edit of win.edits) {
      const before = win.bases.at(-1)?.find((k) => k.name === edit.knob)
      const now = search.knobs.find((k) => k.name === edit.knob)
      if (before === undefined || now === undefined || now.value !== edit.value) continue
      const direction: Direction = Number(edit.value) > Number(before.value) ? 1 : -1
      const value = step(now, now.value, direction, 1)
      if (value !== undefined) yield proposal(search, 'follow-up', [{ knob: edit.knob, value }], win.id)
    }
  }
}

/** A knob that clearly hurt one way is turned the other way next: the score slopes there. The steepest slope first. */
function* otherWay(search: Search): Generator<Proposal> {
  const slopes = search.past
    .filter((p) => p.verdict === 'refuted' && p.edits.length === 1)
    .sort((a, b) => (a.gain ?? 0) - (b.gain ?? 0))
  for (const p of slopes) {
    const { knob: name, value } = p.edits[0] as KnobEdit
    const before = p.bases.at(-1)?.find((k) => k.name === name)
    const now = search.knobs.find((k) => k.name === name)
    if (before === undefined || now === undefined || now.value !== before.value) continue
    const to = step(now, now.value, Number(value) > Number(before.value) ? -1 : 1, 1)
    if (to !== undefined) yield proposal(search, 'follow-up', [{ knob: name, value: to }], p.id)
  }
}

/** What a knob is worth asking first: whole numbers and choices shape the network and what a step costs, rates and shares tune it. */
function coarseness({ type, range }: Knob): number {
  if (range.kind === 'choices') return type === 'bool' ? 2 : 0
  return { int: 0, pow2: 0, log: 1, linear: 2 }[range.scale]
}

/**
 * Near misses: changes with a gain of their own that was too small to confirm. Alone on a best that has moved since, then two at
 * a time, those with the largest sum first. `atLeast`: their sum in σ.
 */
function* combinations(search: Search, atLeast: number): Generator<Proposal> {
  const near = search.past
    .filter(
      (p) =>
        p.verdict !== undefined && p.verdict !== 'confirmed' && (p.gain ?? 0) >= NEAR && applies(search.knobs, p.edits),
    )
    .sort((a, b) => (b.gain ?? 0) - (a.gain ?? 0))
  for (const p of near) if ((p.gain ?? 0) >= atLeast / 2) yield proposal(search, 'combination', [...p.edits], p.id)
  const pairs = near.flatMap((a, i) =>
    near.slice(i + 1).flatMap((b) => {
      const knobs = new Set(a.edits.map((e) => e.knob))
      return b.edits.some((e) => knobs.has(e.knob)) || a.edits.length + b.edits.length > 6
        ? []
        : [{ a, b, sum: (a.gain ?? 0) + (b.gain ?? 0) }]
    }),
  )
  for (const { a, b, sum } of pairs.sort((x, y) => y.sum - x.sum))
    if (sum >= atLeast) yield proposal(search, 'combination', [...a.edits, ...b.edits], a.id)
}

function applies(knobs: readonly Knob[], edits: readonly KnobEdit[]): boolean {
  return edits.every((e) => knobs.some((k) => k.name === e.knob && k.value !== e.value))
}

/**
 * Changes of one knob, in rounds, coarse knobs before fine ones: one for every knob that was never tried, then the next rung of each. From the second round on the
 * knobs whose tries have moved the score most come first, for better or worse: they are the levers.
 */
function* singles(search: Search): Generator<Proposal> {
  const tries = new Map<string, Past[]>()
  for (const p of search.past) {
    const only = p.edits.length === 1 ? p.edits[0] : undefined
    if (only !== undefined) tries.set(only.knob, [...(tries.get(only.knob) ?? []), p])
  }
  const order = shuffled(search.knobs, search.seed, (k) => k.name, 'order').sort(
    (a, b) => coarseness(a) - coarseness(b),
  )
  const lever = (k: Knob): number => Math.max(0, ...(tries.get(k.name) ?? []).map((p) => Math.abs(p.gain ?? 0)))
  const rungs = order.map((knob) => ({
    knob,
    values: ladder(knob, draw(search.seed, 'direction', knob.name) < 0.5 ? 1 : -1),
    used: tries.get(knob.name)?.length ?? 0,
  }))
  const asked = new Set(search.past.flatMap((p) => knobKey(p.edits) ?? []))
  const most = Math.max(0, ...rungs.map((r) => r.used + r.values.length))
  for (let round = 0; round <= most; round++) {
    const now = rungs.filter((r) => r.used <= round)
    if (round > 0) now.sort((a, b) => lever(b.knob) - lever(a.knob))
    for (const r of now) {
      const value = r.values.find((v) => !asked.has(`${r.knob.name}=${v}`))
      r.used++
      if (value === undefined) continue
      asked.add(`${r.knob.name}=${value}`)
      yield proposal(search, 'search', [{ knob: r.knob.name, value }])
    }
  }
}

/** When all of that is used up: two to four knobs at once, a step of any size each. */
function* anything(search: Search): Generator<Proposal> {
  const { knobs, seed, past } = search
  for (let i = 0; i < RANDOM_TRIES; i++) {
    const about = (what: string): number => draw(seed, 'anything', past.length, i, what)
    const some = shuffled(knobs, seed, (k) => k.name, `anything ${past.length} ${i}`).slice(
      0,
      2 + Math.floor(about('how many') * 3),
    )
    const edits = some.flatMap((knob) => {
      const values = ladder(knob, about(knob.name) < 0.5 ? 1 : -1)
      const value = values[Math.floor(about(`${knob.name} value`) * values.length)]
      return value === undefined ? [] : [{ knob: knob.name, value }]
    })
    if (edits.length > 0) yield proposal(search, 'search', edits)
  }
}
