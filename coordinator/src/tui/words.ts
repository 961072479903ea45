// Numbers and states as people read them, the same on every screen.
import type { AgentRow, ExperimentRow, View } from './view.ts'

export const bpb = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(5))

/** A gain with its sign, positive is better. */
export const signed = (value: number | undefined): string =>
  value === undefined ? '-' : `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(5)}`

/** How far below the baseline, in per cent of it. */
export function gainPercent(view: Pick<View, 'best' | 'baseline'>): number | undefined {
  const best = view.best?.valBpb
  return best === undefined || view.baseline === undefined ? undefined : (100 * (view.baseline - best)) / view.baseline
}

/** 42 s · 3 min 05 s · 2 h 07 min */
export function span(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  const two = (n: number): string => String(n).padStart(2, '0')
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min ${two(s % 60)} s`
  return `${Math.floor(s / 3600)} h ${two(Math.floor((s % 3600) / 60))} min`
}

/** Text that others wrote, fit for a terminal: one line, no control characters, no direction overrides. */
export function plainText(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]+/g, ' ').trim()
}

export function outcomeWord(row: ExperimentRow): string {
  if (row.outcome === undefined) return 'waiting'
  return row.kind === 'baseline' && row.outcome === 'measured' ? 'baseline' : row.outcome
}

/** An agent left because of the GPU of its lane, see gpu.ts. */
export const isSick = (left: string): boolean => /^gpu \d+ is sick/.test(left)

/** What an agent does now, in a few words. */
export function doing(agent: AgentRow): string {
  if (!agent.present) return isSick(agent.left ?? '') ? `gpu ${agent.lane.gpu} sick` : 'away'
  if (agent.phase === 'idle' || agent.phase === 'paused' || agent.experiment === undefined)
    return agent.paused === true ? 'paused' : agent.phase
  const step =
    agent.step === undefined ? '' : ` step ${agent.step}${agent.steps === undefined ? '' : `/${agent.steps}`}`
  return `${agent.paused === true ? 'pausing, ' : ''}${agent.phase} ${agent.experiment}${step}`
}

/** An amount of US dollars; a price that is not known is said so and never shown as 0. */
export function money(usd: number | undefined): string {
  return usd === undefined ? 'price unknown' : `$${usd.toFixed(usd < 1 ? 4 : 2)}`
}

/** a4 gpu 3 97% 40.1G 612W 64C */
export function gpuWords({ name, lane, gpu }: AgentRow): string | undefined {
  if (gpu === undefined) return undefined
  const { busy, used, watts, celsius } = gpu
  const cells = [
    ...(busy === undefined ? [] : [`${busy}%`]),
    ...(used === undefined ? [] : [`${(used / 1024).toFixed(1)}G`]),
    ...(watts === undefined ? [] : [`${Math.round(watts)}W`]),
    ...(celsius === undefined ? [] : [`${celsius}C`]),
  ]
  return `${name} gpu ${lane.gpu} ${cells.join(' ')}`
}
