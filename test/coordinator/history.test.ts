// What follows from what: one hypothesis (or two that race) through all it can come to.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bestLine, experiments } from '@swarm/coordinator/board/queries'
import { knobKey } from '@swarm/shared/hypothesis'
import { measured, next, Script, started } from './script.ts'

test('a win: screen, control on a fresh seed, repeat by another agent, finding, best', () => {
  const s = started({ agents: 2 })
  s.record(next(s, 'screen', 'h0001'), measured(1.48))
  const repeat = next(s, 'repeat', 'h0001')
  assert.ok(![1, 2, 3].includes(repeat.seed), 'the seed is fresh')
  assert.equal(s.board.experiments.get(repeat.id)?.agent, 'a2', 'a1 screened it')
  const control = next(s, 'baseline')
  assert.deepEqual([control.seed, control.base], [repeat.seed, repeat.base])
  s.record(repeat, measured(1.491), 'a2')
  assert.equal(s.findings().length, 0, 'no verdict before the control is there')
  s.record(control, measured(1.501))
  assert.deepEqual(
    s.findings().map((f) => [f.hypothesis, f.verdict, f.outcome, f.gain?.toFixed(3)]),
    [['h0001', 'confirmed', 'improved', '0.010']],
  )
  assert.equal(s.best.n, 1)
  // The mean of the baselines minus the fresh gain, not the lucky screen.
  assert.ok(Math.abs((s.best.valBpb ?? 0) - 1.49) < 1e-9)
  const line = bestLine(s.board)
  assert.deepEqual([line?.baseline, line?.n, line?.lineage.at(-1)?.seeds], [1.5, 1, [1, repeat.seed]])
  assert.deepEqual(
    experiments(s.board)
      .filter((e) => e.hypothesis === 'h0001')
      .map((e) => [e.kind, e.outcome, e.status]),
    [
      ['screen', 'improved', 'keep'],
      ['repeat', 'improved', 'keep'],
    ],
  )
})

test('a screen that was luck is a finding and moves nothing', () => {
  const s = started()
  s.record(next(s, 'screen', 'h0001'), measured(1.48))
  s.record(next(s, 'baseline'), measured(1.5))
  s.record(next(s, 'repeat', 'h0001'), measured(1.4985))
  assert.deepEqual(
    s.findings().map((f) => f.verdict),
    ['within-noise'],
  )
  assert.equal(s.best.n, 0)
})

test('with one agent the repeat waits in the line for all', () => {
  const s = started({ agents: 1 })
  s.record(next(s, 'screen', 'h0001'), measured(1.48))
  assert.equal(s.board.experiments.get(next(s, 'repeat').id)?.agent, undefined)
})

test('racing promotions: the second is measured again on what the first has made', () => {
  const s = started({ agents: 2 })
  s.record(next(s, 'screen', 'h0001'), measured(1.48))
  s.record(next(s, 'screen', 'h0002'), measured(1.479))
  const [one, two] = [next(s, 'repeat', 'h0001'), next(s, 'repeat', 'h0002')]
  assert.equal(one.seed, two.seed)
  s.record(one, measured(1.48))
  s.record(two, measured(1.479))
  s.record(next(s, 'baseline'), measured(1.5))
  assert.deepEqual(
    s.findings().map((f) => [f.hypothesis, f.verdict]),
    [['h0001', 'confirmed']],
  )
  assert.equal(s.best.n, 1)
  const again = next(s, 'repeat', 'h0002')
  assert.equal(again.base, s.best.commit)
  assert.notEqual(again.seed, two.seed, 'a seed is never used twice in a lineage')
  s.record(again, measured(1.46))
  s.record(next(s, 'baseline'), measured(1.48))
  assert.equal(s.best.n, 2)
  assert.ok(Math.abs((s.best.valBpb ?? 0) - (1.5 - 0.02 - 0.02)) < 1e-9)
})

test('a screen on an older base is judged by that base, and repeated on the best of now', () => {
  const s = started({ agents: 1 })
  const late = next(s, 'screen', 'h0002')
  s.record(next(s, 'screen', 'h0001'), measured(1.48))
  s.record(next(s, 'baseline'), measured(1.5))
  s.record(next(s, 'repeat', 'h0001'), measured(1.48))
  assert.equal(s.best.n, 1)
  s.record(late, measured(1.485)) // worse than the best of now, better than its own base
  const repeat = next(s, 'repeat', 'h0002')
  assert.equal(repeat.base, s.best.commit)
  assert.equal(repeat.diff?.base, late.base)
})

test('a conflict reopens with the next round, at most three times', () => {
  const s = started()
  s.record(next(s, 'screen', 'h0001'), measured(1.48))
  s.record(next(s, 'baseline'), measured(1.5))
  for (let round = 1; round <= 3; round++) {
    assert.equal(next(s, 'repeat', 'h0001').round, round)
    s.record(next(s, 'repeat', 'h0001'), { outcome: 'conflict', cause: 'does not apply' })
    if (round < 3) s.record(next(s, 'screen', 'h0001'), measured(1.48))
  }
  assert.deepEqual(
    s.findings().map((f) => [f.hypothesis, f.verdict, f.outcome, f.round]),
    [['h0001', 'failed', 'conflict', 3]],
  )
})

test('an outage is not charged: the screen comes back, and the search may propose it again', () => {
  const s = started()
  s.record(next(s, 'screen', 'h0001'), { outcome: 'infra-failed', cause: 'disk full' })
  assert.equal(next(s, 'screen', 'h0001').round, 2)
  s.record(next(s, 'screen', 'h0001'), measured(1.5))
  assert.deepEqual(
    s.findings().map((f) => [f.verdict, f.outcome]),
    [['within-noise', 'no-gain']],
  )
  const t = started()
  const edits = knobKey(t.board.hypotheses.get('h0001')?.hypothesis.edits ?? [])
  for (let i = 0; i < 3; i++) t.record(next(t, 'screen', 'h0001'), { outcome: 'infra-failed', cause: 'disk full' })
  assert.deepEqual(
    t.findings().map((f) => [f.verdict, f.outcome]),
    [['failed', 'infra-failed']],
  )
  assert.ok(
    [...t.board.hypotheses.values()].some((h) => h.hypothesis.id !== 'h0001' && knobKey(h.hypothesis.edits) === edits),
  )
})

test('an outage of a repeat repeats the repeat', () => {
  const s = started()
  s.record(next(s, 'screen', 'h0001'), measured(1.48))
  const first = next(s, 'repeat', 'h0001')
  s.record(first, { outcome: 'infra-failed', cause: 'hub lost' })
  const second = next(s, 'repeat', 'h0001')
  assert.deepEqual([second.seed, second.base, second.id === first.id], [first.seed, first.base, false])
})

test('what cannot run is a finding with its cause', () => {
  for (const outcome of [
    'build-failed',
    'diverged',
    'timed-out',
    'cheat-suspected',
    'diff-rejected',
    'duplicate',
    'empty-diff',
    'preflight-failed',
    'run-failed',
  ] as const) {
    const s = started()
    s.record(next(s, 'screen', 'h0001'), { outcome, cause: `because ${outcome}` })
    const finding = [...s.board.findings.values()][0]?.finding
    assert.deepEqual([finding?.verdict, finding?.outcome, finding?.cause], ['failed', outcome, `because ${outcome}`])
    assert.match(finding?.lesson ?? '', new RegExp(outcome))
  }
})

test('a baseline that fails ends the run with its cause, one that had an outage is run again', () => {
  const s = new Script()
  s.record(next(s, 'baseline'), { outcome: 'infra-failed', cause: 'no disk' })
  assert.equal(s.waiting().filter((e) => e.kind === 'baseline').length, 3)
  s.record(next(s, 'baseline'), { outcome: 'build-failed', cause: 'no compiler' })
  assert.equal(s.finished?.failed, true)
  assert.match(s.finished?.reason ?? '', /no compiler/)
})

test('unequal repeats confirm nothing', () => {
  const s = started({ program: { repeats: 2 } })
  s.record(next(s, 'screen', 'h0001'), measured(1.48))
  for (const base of s.waiting().filter((e) => e.kind === 'baseline')) s.record(base, measured(1.5))
  s.record(next(s, 'repeat', 'h0001'), measured(1.48))
  const last = next(s, 'repeat', 'h0001')
  const other = s.sources.get(last.base) ?? ''
  s.sources.set(last.base, other.replace('DEPTH = 4', 'DEPTH = 7'))
  s.record(last, measured(1.48))
  s.sources.set(last.base, other)
  assert.deepEqual(
    s.findings().map((f) => [f.verdict, f.outcome]),
    [['failed', 'diff-rejected']],
  )
})

test('a suggestion is screened before what the search has queued', () => {
  const s = started()
  s.write({
    type: 'hypothesis-proposed',
    hypothesis: { id: 'h0005', title: 'Mine', origin: 'human', edits: [{ knob: 'DEPTH', value: '7' }], by: 'me' },
  })
  s.settle(false)
  assert.equal(s.waiting()[0]?.hypothesis?.id, 'h0005')
})
