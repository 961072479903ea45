// A view as rows of coloured spans for one size of terminal. Pure, so that every size can be tested without a terminal.
import { bar, stepLine } from './chart.ts'
import type { AgentRow, View } from './view.ts'
import { spentWords } from './spent.ts'
import { bpb, doing, gainPercent, gpuWords, plainText, signed, span } from './words.ts'

export type Tone = 'plain' | 'dim' | 'strong' | 'good' | 'bad' | 'key'
export interface Span {
  text: string
  tone: Tone
}
export type Row = Span[]

export interface FrameOptions {
  columns: number
  rows: number
  now: number
  ascii: boolean
  place: string
  quitWords: string
  note?: string
  help: boolean
}

const plain = (text: string): Span => ({ text, tone: 'plain' })
const dim = (text: string): Span => ({ text, tone: 'dim' })
const strong = (text: string): Span => ({ text, tone: 'strong' })

/** Always exactly `rows − 1` rows: a full-height frame makes Ink clear the screen and the scrollback at every frame. */
export function frame(view: View, o: FrameOptions): Row[] {
  const height = Math.max(1, o.rows - 1)
  if (o.columns < 40 || o.rows < 10) return [[plain(fit(tooSmall(view, o), o.columns))]]
  if (o.help) return [...filled(helpRows(o), height - 1), keyRow(o)]
  const compact = o.columns < 60 || o.rows < 15
  const head = compact ? [headline(view, o), bestRow(view, o)] : [headline(view, o), bestRow(view, o), counts(view, o)]
  const note = o.note === undefined ? [] : [[{ text: fit(`! ${plainText(o.note)}`, o.columns), tone: 'bad' as const }]]
  const room = height - head.length - note.length - 1
  const agents = agentRows(view, o, Math.max(1, Math.min(view.agents.length, Math.ceil(room / 2))))
  const gpus = compact ? [] : gpuRows(view, o).slice(0, Math.max(0, room - agents.length))
  let left = room - agents.length - gpus.length
  const chart = compact || left < 8 ? [] : chartRows(view, o, Math.min(12, Math.max(4, Math.floor(left / 2) - 1)))
  left -= chart.length
  const findings = left >= 2 ? findingRows(view, o, left) : []
  return filled([...head, ...chart, ...agents, ...gpus, ...findings], height - note.length - 1).concat(note, [
    keyRow(o),
  ])
}

/** Cut to the width, the cut marked; every character we draw is one cell wide or counted as such by Ink's own truncation. */
export function fit(text: string, width: number): string {
  const all = [...text]
  return all.length <= width ? text : `${all.slice(0, Math.max(0, width - 1)).join('')}~`
}

function filled(rows: Row[], height: number): Row[] {
  const cut = rows.slice(0, height)
  while (cut.length < height) cut.push([plain(' ')]) // an empty text has no height
  return cut
}

function tooSmall(view: View, o: FrameOptions): string {
  return `best ${bpb(view.best?.valBpb)} (too small: ${o.columns}x${o.rows}, needs 40x10)`
}

function headline(view: View, o: FrameOptions): Row {
  const run = view.run
  const state =
    run === undefined
      ? 'waiting for the coordinator'
      : run.stopped !== undefined
        ? `run ${run.n} ended: ${plainText(run.stopped.reason)}`
        : `run ${run.n}`
  const time =
    run === undefined
      ? ''
      : ` · ${span(((run.stopped === undefined ? o.now : Date.parse(run.stopped.at)) - Date.parse(run.at)) / 1000)}`
  const here = view.agents.filter((a) => a.present).length
  const spent = view.spent === undefined ? '' : ` · ${spentWords(view.spent)}`
  const text = `${state}${time} · ${here} agent${here === 1 ? '' : 's'}${spent} · ${o.place}`
  return [strong('swarm  '), plain(fit(o.ascii ? text.replaceAll('·', '|') : text, o.columns - 7))]
}

function bestRow(view: View, o: FrameOptions): Row {
  const gain = gainPercent(view)
  if (view.best?.valBpb === undefined) return [strong('best   '), dim(fit('measuring the baseline', o.columns - 7))]
  const score = `val_bpb ${bpb(view.best.valBpb)}`
  const below =
    gain === undefined || view.best.n === 0
      ? '  the recipe as shipped'
      : `  ${gain.toFixed(2)}% below baseline ${bpb(view.baseline)}`
  return [strong('best   '), { text: score, tone: 'good' }, plain(fit(below, o.columns - 7 - score.length))]
}

function counts(view: View, o: FrameOptions): Row {
  const hours = view.run === undefined ? 0 : (o.now - Date.parse(view.run.at)) / 3_600_000
  const rate = hours > 0.005 ? `, ${(view.doneInRun / hours).toFixed(0)} an hour` : ''
  const wanted = view.run?.wanted === undefined ? '' : ` of ${view.run.wanted}`
  const promotions = view.bests.filter((b) => b.n > 0).length
  return [
    strong('done   '),
    plain(
      fit(
        `${view.doneInRun}${wanted} experiments${rate}, ${view.done} ever, ${promotions} promoted, ${view.queued} planned, budget ${view.budget ?? '-'}${view.scale === undefined ? '' : `, scale ${view.scale}`}${view.focus === undefined ? '' : `, focus ${view.focus}`}`,
        o.columns - 7,
      ),
    ),
  ]
}

function chartRows(view: View, o: FrameOptions, height: number): Row[] {
  const points = view.bests.flatMap((b) => (b.valBpb === undefined ? [] : [{ x: Date.parse(b.at), y: b.valBpb }]))
  const axis = 9
  const width = o.columns - axis - 2
  const [horizontal, corners, side] = o.ascii
    ? (['-', ['+', '+', '+', '+'], '|'] as const)
    : (['─', ['╭', '╮', '╰', '╯'], '│'] as const)
  const { lines, high, low } = stepLine(points, Math.max(o.now, points.at(-1)?.x ?? 0), width, height, o.ascii)
  const label = (i: number): string =>
    (points.length === 0 ? '' : i === 0 ? bpb(high) : i === height - 1 && low < high ? bpb(low) : '').padStart(axis - 1)
  const title = ' best val_bpb over time '
  return [
    [
      dim(
        `${' '.repeat(axis)}${corners[0]}${title}${horizontal.repeat(Math.max(0, width - title.length))}${corners[1]}`,
      ),
    ],
    ...lines.map((line, i): Row => [dim(`${label(i)} ${side}`), { text: line, tone: 'good' }, dim(side)]),
    [dim(`${' '.repeat(axis)}${corners[2]}${horizontal.repeat(width)}${corners[3]}`)],
  ]
}

function agentRows(view: View, o: FrameOptions, room: number): Row[] {
  if (view.agents.length === 0) return [[dim('no agent yet')]]
  const sorted = [...view.agents].sort((a, b) => Number(b.present) - Number(a.present))
  const shown = sorted.length > room ? sorted.slice(0, Math.max(1, room - 1)) : sorted
  const rows = shown.map((a) => agentRow(a, o))
  return sorted.length > shown.length ? [...rows, [dim(`and ${sorted.length - shown.length} more agents`)]] : rows
}

function agentRow(a: AgentRow, o: FrameOptions): Row {
  const silent = a.present && o.now - a.seen > 15_000 ? ' (silent)' : ''
  const now = `${doing(a)}${silent}`
  const tone = a.present ? 'strong' : 'dim'
  if (o.columns < 60) {
    const width = o.columns - 7 - 7
    return [
      { text: fit(a.name, 6).padEnd(7), tone },
      plain(fit(now, width).padEnd(width + 1)),
      { text: bar(a.present ? (a.progress ?? 0) : 0, 6, o.ascii), tone: 'good' },
    ]
  }
  const name = fit(a.name, 8).padEnd(9)
  const what = fit(now, 25).padEnd(26)
  const barWidth = o.columns >= 80 ? 14 : 8
  const gauge = a.progress === undefined || !a.present ? ' '.repeat(barWidth) : bar(a.progress, barWidth, o.ascii)
  const elapsed = (a.elapsed === undefined || !a.present ? '' : span(a.elapsed)).padStart(9)
  const used = 9 + 26 + barWidth + 9 + 2
  return [
    { text: name, tone },
    plain(what),
    { text: gauge, tone: 'good' },
    plain(`${elapsed}  `),
    dim(fit(plainText(a.title ?? ''), Math.max(0, o.columns - used))),
  ]
}

/** What the GPUs do, side by side, as many to a row as fit. */
function gpuRows(view: View, o: FrameOptions): Row[] {
  const rows: string[] = []
  for (const words of view.agents.flatMap((a) => (a.present ? (gpuWords(a) ?? []) : []))) {
    const row = rows.at(-1)
    const longer = row === undefined ? words : `${row}  ${words}`
    if (row !== undefined && longer.length <= o.columns) rows[rows.length - 1] = longer
    else rows.push(words)
  }
  return rows.map((row) => [dim(fit(row, o.columns))])
}

const MARK = {
  confirmed: ['+', 'good'],
  refuted: ['-', 'bad'],
  'within-noise': ['=', 'dim'],
  failed: ['x', 'bad'],
} as const satisfies Record<string, readonly [string, Tone]>

function findingRows(view: View, o: FrameOptions, room: number): Row[] {
  const rows = view.findings
    .slice(-(room - 1))
    .reverse()
    .map((f): Row => {
      const [mark, tone] = MARK[f.verdict]
      return [
        { text: `${mark} `, tone },
        plain(`${f.hypothesis} ${(f.verdict === 'failed' ? f.outcome : signed(f.gain)).padStart(9).slice(0, 16)}  `),
        plain(fit(plainText(f.title), Math.max(0, o.columns - 19))),
      ]
    })
  const doubted = view.quarantined.map(
    ({ hypothesis, title }): Row => [
      { text: '? ', tone: 'key' },
      plain(`${hypothesis} ${'quarantined'.padStart(9)}  `),
      plain(fit(plainText(title), Math.max(0, o.columns - 21))),
    ],
  )
  return [
    [
      dim(
        fit(
          view.findings.length === 0 ? 'no findings yet' : 'findings  + confirmed  - worse  = within noise  x failed',
          o.columns,
        ),
      ),
    ],
    ...[...doubted, ...rows].slice(0, room - 1),
  ]
}

function helpRows(o: FrameOptions): Row[] {
  const line = (key: string, what: string): Row => [
    { text: `  ${key.padEnd(8)}`, tone: 'key' },
    plain(fit(what, o.columns - 10)),
  ]
  return [
    [strong('Keys')],
    line('q', o.quitWords),
    line('Ctrl-C', o.quitWords),
    line('?', 'this page, and back'),
    line('Esc', 'back'),
    [plain(' ')],
    [strong('Words')],
    line('gain', 'bits per byte below its own base on the same seed; + is better'),
    line('best', 'moves only when a fresh seed confirms a gain'),
    [plain(' ')],
    [dim(fit('More: swarm board, swarm show ID, swarm log -f', o.columns))],
  ]
}

function keyRow(o: FrameOptions): Row {
  const text = o.help ? ' back' : ` ${o.quitWords}   `
  return o.help
    ? [{ text: ' ?', tone: 'key' }, plain(text)]
    : [{ text: ' q', tone: 'key' }, plain(text), { text: '?', tone: 'key' }, plain(' help')]
}
