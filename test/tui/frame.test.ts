import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Canvas, stepLine } from '../../coordinator/src/tui/chart.ts'
import { Fold } from '../../coordinator/src/tui/fold.ts'
import { frame, type FrameOptions, type Row } from '../../coordinator/src/tui/frame.ts'
import { beat, EVENTS, START } from './story.ts'

const text = (rows: readonly Row[]): string[] => rows.map((row) => row.map((s) => s.text).join(''))
const options = (columns: number, rows: number, more: Partial<FrameOptions> = {}): FrameOptions => ({
  columns,
  rows,
  now: START + 90_000,
  ascii: false,
  place: '127.0.0.1:4222',
  quitWords: 'stop the swarm',
  help: false,
  ...more,
})

function story(agents = 2): Fold {
  const fold = new Fold()
  for (const event of EVENTS) fold.see(event)
  for (let i = 1; i <= agents; i++) fold.pulse(beat(`a${i}`, 100 * i), START + 90_000)
  return fold
}

for (const [columns, rows] of [
  [100, 30],
  [60, 20],
  [60, 15],
  [59, 14],
  [40, 10],
  [140, 45],
  [200, 60],
] as const) {
  test(`${columns}x${rows}: one row less than the terminal, none wider, head, agents and keys each once`, () => {
    for (const fold of [new Fold(), story(), story(30)]) {
      for (const help of [false, true]) {
        const rowsOf = text(
          frame(
            fold.view(),
            options(columns, rows, { help, note: 'coordinator killed by SIGKILL; starting it again in 0.2 s' }),
          ),
        )
        assert.equal(rowsOf.length, rows - 1)
        for (const row of rowsOf) assert.ok([...row].length <= columns, `${[...row].length} > ${columns}: ${row}`)
        assert.match(rowsOf.at(-1) ?? '', help ? /^ \? back/ : /^ q stop the swarm/)
        if (!help) assert.equal(rowsOf.filter((row) => row.startsWith('swarm  ')).length, 1)
      }
    }
  })
}

test('100x30 shows score, gain, chart, agents, findings', () => {
  const rows = text(frame(story().view(), options(100, 30)))
  const all = rows.join('\n')
  assert.match(all, /val_bpb 1\.84600 {2}1\.28% below baseline 1\.87000/)
  assert.match(all, /╭ best val_bpb over time/)
  assert.match(all, /╰─+╯/)
  assert.match(all, /1\.87000 │/)
  assert.match(all, /a1 +train e0008 step 100\/500 +██▊ +3 s {2}Halve the window/)
  assert.match(all, /\+ h0001 +\+0\.02400 {2}Lower MUON_LR from 0\.04 to 0\.02/)
  assert.match(all, /- h0002 +-0\.03000 {2}Raise DEPTH/)
})

test('under 40x10 there is one line that says so', () => {
  const rows = text(frame(story().view(), options(39, 30)))
  assert.deepEqual(rows, ['best 1.84600 (too small: 39x30, needs ~'])
  assert.equal(frame(story().view(), options(100, 9)).length, 1)
})

test('--ascii is 7-bit, and nothing others wrote can steer the terminal', () => {
  const all = text(frame(story().view(), options(100, 30, { ascii: true }))).join('\n')
  assert.match(all, /^[\n\x20-\x7e]*$/)
  assert.match(all, /\*{10}/)
  for (const row of text(frame(story().view(), options(100, 30))))
    assert.doesNotMatch(row, /[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/)
})

test('with more agents than rows the last line counts the rest', () => {
  const rows = text(frame(story(30).view(), options(60, 20)))
  assert.ok(rows.some((row) => /^and \d+ more agents$/.test(row)))
})

test('braille dots are where Unicode says', () => {
  const canvas = new Canvas(1, 1, false)
  canvas.set(0, 0)
  canvas.set(1, 3)
  assert.deepEqual(canvas.lines(), ['⢁']) // dots 1 and 8
  canvas.set(5, 5) // outside: ignored
  assert.deepEqual(canvas.lines(), ['⢁'])
})

test('the line starts high, steps down when the best moves, and holds to the end', () => {
  const { lines, high, low } = stepLine(
    [
      { x: 0, y: 2 },
      { x: 5, y: 1 },
    ],
    10,
    11,
    3,
    true,
  )
  assert.deepEqual([high, low], [2, 1])
  assert.deepEqual(lines, ['******     ', '     *     ', '     ******'])
})
