// Where a knob can go from a value: one legal step up or down, by the scale its range is written in.
import type { KnobEdit } from '@swarm/shared/hypothesis'
import { type Knob, refuseValue } from '@swarm/shared/knobs'

export type Direction = 1 | -1

/**
 * The value one step of `size` from `from`, or undefined where there is none. A whole step is
 * log: a factor of (high/low)^(1/6), at least 1.5 and at most 3 · pow2: a factor of 2 · linear and int: an eighth of the range.
 * A step past the end of the range stops at the end.
 */
export function step(knob: Knob, from: string, direction: Direction, size: number): string | undefined {
  if (knob.range.kind === 'choices') return nextChoice(knob.range.values, from, direction, size)
  const { low, high, scale } = knob.range
  const x = Number(from)
  if (!Number.isFinite(x)) return undefined
  let to: number
  if (scale === 'pow2') {
    if (size < 1 || x <= 0) return undefined
    to = x * 2 ** (direction * Math.round(size))
    if (to < low || to > high) return undefined
  } else if (scale === 'log' && low > 0 && x > 0) {
    to = clip(x * Math.min(3, Math.max(1.5, (high / low) ** (1 / 6))) ** (direction * size), low, high)
  } else {
    to = clip(x + direction * size * ((high - low) / 8), low, high)
  }
  const whole = knob.type === 'int'
  if (whole) to = Math.round(to) === x ? x + direction : Math.round(to)
  const value = String(whole ? to : Number(to.toPrecision(scale === 'log' ? 2 : 3)))
  return Number(value) === x || refuseValue(knob, value) !== undefined ? undefined : value
}

/** Choices that are numbers have a next one. */
function nextChoice(values: readonly string[], from: string, direction: Direction, size: number): string | undefined {
  if (size < 1 || values.some((v) => !Number.isFinite(Number(v)))) return undefined
  const sorted = [...values].sort((a, b) => Number(a) - Number(b))
  const at = sorted.indexOf(from)
  return at < 0 ? undefined : sorted[at + direction * Math.round(size)]
}

function clip(x: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, x))
}

/** Sizes a knob is tried with, each in both directions: a normal step, a bold one, then ever finer ones. */
const SIZES = [1, 2, 0.5, 3, 0.25] as const

/** Everything one knob can be set to from where it stands, the most telling first. `first` is the direction to begin with. */
export function ladder(knob: Knob, first: Direction): string[] {
  if (knob.range.kind === 'choices') {
    const { values } = knob.range
    const at = values.indexOf(knob.value)
    const far = (v: string): number =>
      Math.abs(values.indexOf(v) - at) - (Math.sign(values.indexOf(v) - at) === first ? 0.5 : 0)
    return values.filter((v) => v !== knob.value).sort((a, b) => far(a) - far(b))
  }
  const found = SIZES.flatMap((size) =>
    [first, -first as Direction].flatMap((d) => step(knob, knob.value, d, size) ?? []),
  )
  return [...new Set(found)]
}

/** "lower MUON_LR from 0.04 to 0.02" */
export function words(knob: Knob, value: string): string {
  if (knob.type === 'bool') return `turn ${knob.name} ${value === 'true' ? 'on' : 'off'}`
  if (knob.range.kind === 'choices' || knob.type === 'text') return `switch ${knob.name} from ${knob.value} to ${value}`
  return `${Number(value) < Number(knob.value) ? 'lower' : 'raise'} ${knob.name} from ${knob.value} to ${value}`
}

/** "Lower A from 1 to 2 and raise B from 3 to 4" */
export function titleOf(knobs: readonly Knob[], edits: readonly KnobEdit[]): string {
  const parts = edits.flatMap((e) => {
    const k = knobs.find(({ name }) => name === e.knob)
    return k === undefined ? [] : [words(k, e.value)]
  })
  const text = parts.length < 3 ? parts.join(' and ') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** The whole setting of a recipe after some edits: two changes with the same one are the same experiment. */
export function settingOf(knobs: readonly Knob[], edits: readonly KnobEdit[]): string {
  const set = new Map(edits.map((e) => [e.knob, e.value]))
  return knobs
    .map((k) => {
      const v = set.get(k.name) ?? k.value
      return `${k.name}=${k.type === 'int' || k.type === 'float' ? Number(v) : v}`
    })
    .sort()
    .join(' ')
}
