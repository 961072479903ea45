import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fold } from '../../coordinator/src/tui/fold.ts'
import { closing, Lines } from '../../coordinator/src/tui/lines.ts'
import { wantsScreen } from '../../coordinator/src/tui/show.ts'
import { factLine } from '../../coordinator/src/tui/facts.ts'
import { EVENTS } from './story.ts'

function told(ofAgent?: string): string[] {
  const fold = new Fold()
  const out: string[] = []
  const lines = new Lines(fold, (line) => out.push(line), ofAgent)
  for (const event of EVENTS) {
    fold.see(event)
    lines.see(event)
  }
  lines.end()
  return out
}

test('one line an experiment, with outcome, score, gain, seed, seconds and agent', () => {
  const out = told()
  assert.equal(out.filter((line) => / experiment e\d{4}/.test(line)).length, 7)
  const of = (id: string): string => (out.find((line) => line.includes(`experiment ${id}`)) ?? '').slice(10)
  assert.equal(
    of('e0001'),
    'experiment e0001  baseline  baseline    val_bpb 1.87000  seed 1  17.3 s  a1  the recipe as it is',
  )
  assert.equal(
    of('e0004'),
    'experiment e0004  screen    improved    val_bpb 1.84000  gain +0.03000  seed 1  17.3 s  a1  h0001 Lower MUON_LR from 0.04 to 0.02',
  )
  assert.equal(
    of('e0005'),
    'experiment e0005  screen    no-gain     val_bpb 1.90000  gain -0.03000  seed 1  17.3 s  a2  h0002 Raise DEPTH from 4 to 6',
  )
  assert.equal(
    of('e0006'),
    'experiment e0006  screen    build-failed  val_bpb       -  gain        -  seed 1  17.3 s  a1  h0003 Set  [31mSOFTCAP to 99 (error: expected ; before } [2J)',
  )
})

test('a promotion names its seeds and comes after the experiment that earned it', () => {
  const out = told()
  const earned = out.findIndex((line) => line.includes('experiment e0007  repeat    improved'))
  const moved = out.findIndex((line) =>
    line.includes('best       #1 val_bpb 1.84600 (1.28% below the baseline), gain +0.02400, seeds 2: Lower MUON_LR'),
  )
  assert.ok(earned >= 0 && moved > earned, out.join('\n'))
})

test('every line has its time and no escape byte', () => {
  for (const line of told()) {
    assert.match(line, /^\d\d:\d\d:\d\d {2}\S/)
    assert.doesNotMatch(line, /[\u0000-\u001f\u007f-\u009f]/)
  }
  for (const event of EVENTS) assert.doesNotMatch(factLine(event), /[\u0000-\u001f\u007f-\u009f]/)
})

test('with one agent wanted, the others are silent', () => {
  const out = told('a2')
  assert.deepEqual(
    out.flatMap((line) => /experiment (e\d{4})/.exec(line)?.[1] ?? []),
    ['e0002', 'e0005', 'e0007'],
  )
})

test('nothing for half a minute gives one sign of life', () => {
  const fold = new Fold()
  const out: string[] = []
  const lines = new Lines(fold, (line) => out.push(line))
  lines.tick(Date.now() + 29_000)
  assert.deepEqual(out, [])
  lines.tick(Date.now() + 31_000)
  assert.equal(out.length, 1)
  assert.match(out[0] ?? '', /\.\.\. +0 experiments done, best -; no agent yet/)
})

test('the closing summary has baseline, best, gain, promotions with seeds, outcomes, time and what to type next', () => {
  const fold = new Fold()
  for (const event of EVENTS) fold.see(event)
  const text = closing(fold.view(), 185, (verb) => `swarm ${verb}`).join('\n')
  assert.match(text, /baseline +val_bpb 1\.87000/)
  assert.match(text, /best +val_bpb 1\.84600, 1\.28% below the baseline, commit bbbbbbbbbbbb/)
  assert.match(text, /#1 1\.84600 {2}gain \+0\.02400 {2}seeds 2 {2}h0001 Lower MUON_LR/)
  assert.match(text, /experiments {2}7 \(baseline 3, improved 2, no-gain 1, build-failed 1\)/)
  assert.match(text, /time +3 min 05 s/)
  assert.match(text, /swarm best --checkout DIR {3}take the best recipe home/)
  assert.doesNotMatch(text, /given up/)
  const left = { type: 'agent-left', at: '2030-01-01T13:00:00Z', agent: 'a2', session: 1 } as const
  fold.see({ seq: 200, fact: { ...left, reason: 'gpu 3 is sick: no reading for 15 s' } })
  const sick = closing(fold.view(), 185, (verb) => `swarm ${verb}`).join('\n')
  assert.match(sick, /\ngiven up +a2: gpu 3 is sick: no reading for 15 s\ntime/)
})

test('lines under CI, with --plain, in a dumb terminal, and without a terminal; else the screen', () => {
  const tty = true
  assert.equal(wantsScreen({ plain: false }, { TERM: 'xterm' }, tty), true)
  assert.equal(wantsScreen({ plain: false }, { TERM: 'xterm', CI: 'false' }, tty), true)
  assert.equal(wantsScreen({ plain: true }, { TERM: 'xterm' }, tty), false)
  assert.equal(wantsScreen({ plain: false }, { TERM: 'xterm', CI: 'true' }, tty), false)
  assert.equal(wantsScreen({ plain: false }, { TERM: 'dumb' }, tty), false)
  assert.equal(wantsScreen({ plain: false }, { TERM: 'xterm' }, false), false)
})
