// Knobs: the block of constants at the top of train.cu, two lines each:
//   // What it is, in words. range 0.005..0.2 log
//   constexpr float MUON_LR = 0.04f;
// Where the two scales differ the value is `at_scale(4, 8)`, that of a CPU first: one of the two is in force, and the other is left alone; so may be its
// range: `range 256..16384 pow2 gpu 65536..1048576 pow2`.
// Read by people, models and the search researcher alike.
import type { KnobEdit } from './hypothesis.ts'
import type { Scale } from './scale.ts'

export type KnobType = 'int' | 'float' | 'bool' | 'text'
export interface Knob {
  name: string
  type: KnobType
  /** As written, without suffix or quotes: 0.04, 128, true, SSSL. */
  value: string
  words: string
  range:
    | { kind: 'range'; low: number; high: number; scale: 'log' | 'linear' | 'int' | 'pow2' }
    | { kind: 'choices'; values: string[] }
}

const LINE = /^constexpr (int|float|double|bool|char) ([A-Z][A-Z0-9_]*)(\[\])? = ("[^"]*"|[^;]+);/
const LITERAL = '"[^"]*"|[^\\s,()";]+'
/** In parts, so that one value is replaced and every other byte stays. */
const AT_SCALE = new RegExp(`^(at_scale\\(\\s*)(${LITERAL})(\\s*,\\s*)(${LITERAL})(\\s*\\))$`)
const RANGE = /\brange (-?[\d.eE+-]*\d)\.\.(-?[\d.eE+-]*\d) (log|linear|int|pow2)\b/
/** Behind the first one: where the values differ by orders, so do their ranges. */
const RANGE_GPU = new RegExp(`${RANGE.source} gpu (\\S+)\\.\\.(\\S+) (log|linear|int|pow2)\\b`)
const CHOICES = /\bchoices (\S+)/

/** All knobs of a source, in order, with their values at this scale. A constant without a range or choices comment above it is no knob. */
export function readKnobs(source: string, scale: Scale = 'cpu'): Knob[] {
  const lines = source.split('\n')
  const knobs: Knob[] = []
  for (const [i, line] of lines.entries()) {
    const m = LINE.exec(line)
    const comment = lines[i - 1]
    if (m === null || comment === undefined || !comment.startsWith('//')) continue
    const range = readRange(comment, scale)
    if (range === undefined) continue
    const type: KnobType = m[1] === 'double' ? 'float' : m[1] === 'char' ? 'text' : (m[1] as KnobType)
    const words = comment
      .replace(/^\/\/\s*/, '')
      .replace(RANGE_GPU, '')
      .replace(RANGE, '')
      .replace(CHOICES, '')
      .trim()
    knobs.push({ name: m[2] as string, type, value: bare(inForce(m[4] as string, scale)), words, range })
  }
  return knobs
}

function readRange(comment: string, at: Scale): Knob['range'] | undefined {
  const [, , , , ...gpu] = RANGE_GPU.exec(comment) ?? []
  const r = at === 'gpu' && gpu.length > 0 ? ['', ...gpu] : RANGE.exec(comment)
  if (r)
    return { kind: 'range', low: Number(r[1]), high: Number(r[2]), scale: r[3] as 'log' | 'linear' | 'int' | 'pow2' }
  const c = CHOICES.exec(comment)
  if (c) return { kind: 'choices', values: (c[1] as string).split('|') }
  return undefined
}

function inForce(expression: string, scale: Scale): string {
  const [, , cpu, , gpu] = AT_SCALE.exec(expression) ?? []
  return (scale === 'cpu' ? cpu : gpu) ?? expression
}

function withInForce(expression: string, scale: Scale, value: string): string {
  const [, open, cpu, comma, gpu, close] = AT_SCALE.exec(expression) ?? []
  if (open === undefined) return value
  return scale === 'cpu' ? `${open}${value}${comma}${gpu}${close}` : `${open}${cpu}${comma}${value}${close}`
}

function bare(literal: string): string {
  return literal.startsWith('"') ? literal.slice(1, -1) : literal.trim().replace(/(?<=[\d.])f$/, '')
}

/** The literal as it stands in C++ source. */
function literal(knob: Knob, value: string): string {
  if (knob.type === 'text') return `"${value}"`
  if (knob.type === 'float') return /[.eE]/.test(value) ? `${value}f` : `${value}.0f`
  return value
}

/** Why this value cannot be given to this knob, or undefined when it can. */
export function refuseValue(knob: Knob, value: string): string | undefined {
  if (knob.range.kind === 'choices')
    return knob.range.values.includes(value) ? undefined : `${knob.name} is one of ${knob.range.values.join(', ')}`
  const n = Number(value)
  if (value.trim() === '' || !Number.isFinite(n)) return `${knob.name} needs a number`
  if (knob.type === 'int' && !Number.isInteger(n)) return `${knob.name} needs a whole number`
  if (n < knob.range.low || n > knob.range.high) return `${knob.name} lies in ${knob.range.low}..${knob.range.high}`
  return undefined
}

/** The source with these knobs set at this scale; a refusal names the knob that does not exist or the value it cannot take. */
export function setKnobs(
  source: string,
  edits: readonly KnobEdit[],
  scale: Scale = 'cpu',
): { source: string } | { refused: string } {
  const knobs = new Map(readKnobs(source, scale).map((k) => [k.name, k]))
  let text = source
  for (const { knob: name, value } of edits) {
    const knob = knobs.get(name)
    if (knob === undefined)
      return { refused: `there is no knob ${name}; the knobs are ${[...knobs.keys()].join(', ')}` }
    const why = refuseValue(knob, value)
    if (why !== undefined) return { refused: why }
    text = text.replace(
      new RegExp(`^(constexpr \\w+ ${name}(?:\\[\\])? = )("[^"]*"|[^;]+);`, 'm'),
      (_, head: string, before: string) => `${head}${withInForce(before, scale, literal(knob, value))};`,
    )
  }
  return { source: text }
}

/**
 * Is the knob about this area? Every word of the area (`learning-rate`) has to begin a word of the knob's name or of what is said of it:
 * `window` is about SHORT_WINDOW and about "Attention windows".
 */
export function isAbout(knob: Pick<Knob, 'name' | 'words'>, area: string): boolean {
  const said = `${knob.name} ${knob.words}`.toLowerCase().split(/[^a-z0-9]+/)
  return area.split('-').every((word) => said.some((one) => one.startsWith(word)))
}
