// Results that are too good: doubted, run again on the second held-out text, and cleared or suspected.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { experiments, status } from '@swarm/coordinator/board/queries'
import { doubt, holds } from '@swarm/coordinator/verdict/doubt'
import { measured, next, type Script, started } from './script.ts'

const NOISE = 0.003 * Math.sqrt(8 / 10)
const word = (s: Script, id: string): string => experiments(s.board).find((e) => e.id === id)?.outcome ?? ''
const finding = (s: Script, h: string) => s.board.findings.get(`${h}-1`)?.finding
/** Screens the next hypothesis at this score, base 1.5; gives its screen. */
function screened(s: Script, valBpb: number) {
  const e = next(s, 'screen')
  s.record(e, measured(valBpb))
  return { e, h: e.hypothesis?.id as string }
}
const probeOf = (s: Script, h: string) => s.waiting().find((e) => e.split === 'hidden' && e.hypothesis?.id === h)
const controlsOf = (s: Script) => s.waiting().filter((e) => e.split === 'hidden' && e.kind === 'baseline')

test('doubted: a gain beyond eight noises, or a score below half the best; nothing else', () => {
  assert.equal(doubt({ valBpb: 1.468, gain: 0.032 }, 1.5, 0.004), undefined)
  assert.match(doubt({ valBpb: 1.4679, gain: 0.0321 }, 1.5, 0.004) ?? '', /gain of 0.0321 is more than 8 noises/)
  assert.match(doubt({ valBpb: 0.74, gain: 0.01 }, 1.5, 0.1) ?? '', /less than half of the best/)
  assert.equal(doubt({ valBpb: 0.74, gain: 0.01 }, undefined, 0.1), undefined)
})

test('holds: half of the gain, and no less than a screen asks for', () => {
  assert.equal(holds(0.5, 0.25, 0.004, 2), true)
  assert.equal(holds(0.5, 0.2499, 0.004, 2), false)
  assert.equal(holds(0.01, 0.006, 0.004, 2), false)
})

test('a forged jump: probed on the same seed and base with the very diff, beside the base there, and suspected with its numbers', () => {
  const s = started({ agents: 2 })
  const { e, h } = screened(s, 1.0)
  const probe = probeOf(s, h)
  assert.deepEqual(
    [probe?.kind, probe?.seed, probe?.base, probe?.diff],
    ['repeat', e.seed, e.base, { text: s.sourceOf(e), base: e.base }],
  )
  assert.equal(s.board.experiments.get(probe?.id ?? '')?.agent, 'a2', 'by another than who claims it')
  assert.equal(controlsOf(s).length, 1, 'the base on that text')
  assert.equal(word(s, e.id), 'quarantined')
  assert.ok(!s.waiting().some((one) => one.kind === 'repeat' && one.split === undefined), 'no repeat before')
  s.record(probe as never, measured(1.799), 'a2')
  assert.equal(finding(s, h), undefined, 'its base has no score there yet')
  s.record(controlsOf(s)[0] as never, measured(1.8))
  const found = finding(s, h)
  assert.deepEqual([found?.verdict, found?.outcome], ['failed', 'cheat-suspected'])
  assert.match(found?.cause ?? '', /gain of 0.5000 .* second held-out text it is 0.0010 \(1.7990 against 1.8000\)/)
  assert.equal(found?.hidden?.gain.toFixed(4), '0.0010')
  assert.equal(word(s, e.id), 'cheat-suspected')
  assert.equal(word(s, probe?.id ?? ''), 'cheat-suspected')
  s.runOn(20)
  assert.ok([...s.board.bests.values()].every(({ best }) => best.hypothesis !== h))
})

test('an honest big win: it holds there, goes on to its repeats, and is promoted; the hidden scores stay among themselves', () => {
  const s = started({ agents: 1 })
  const { h } = screened(s, 1.4)
  s.record(probeOf(s, h) as never, measured(1.72))
  s.record(controlsOf(s)[0] as never, measured(1.8))
  assert.equal(finding(s, h), undefined)
  const repeat = s.waiting().find((e) => e.kind === 'repeat' && e.hypothesis?.id === h)
  assert.ok(repeat !== undefined && repeat.split === undefined && repeat.seed !== 1)
  s.record(repeat, measured(1.41))
  s.record(next(s, 'baseline'), measured(1.5))
  assert.equal(s.best.n, 1)
  assert.ok(Math.abs((s.best.valBpb ?? 0) - 1.41) < 1e-9, 'by the gain on the first text alone')
  const found = finding(s, h)
  assert.deepEqual([found?.verdict, found?.pairs.length], ['confirmed', 2])
  assert.equal(found?.hidden?.gain.toFixed(2), '0.08')
  // One control serves all that are doubted on that base and seed; its number is nobody's baseline.
  assert.equal(status(s.board, 0).best?.baseline, 1.5)
})

test('the control of a text is looked up, not run again', () => {
  const s = started({ agents: 1 })
  const first = screened(s, 1.0)
  s.record(probeOf(s, first.h) as never, measured(1.8))
  s.record(controlsOf(s)[0] as never, measured(1.8))
  const second = screened(s, 1.0)
  assert.ok(probeOf(s, second.h))
  assert.equal(controlsOf(s).length, 0)
  s.record(probeOf(s, second.h) as never, measured(1.3))
  assert.ok(
    s.waiting().some((e) => e.kind === 'repeat' && e.split === undefined && e.hypothesis?.id === second.h),
    'half of 0.5 or more: cleared at once',
  )
})

test('doubted on its fresh seed only: probed there before it is promoted', () => {
  const s = started({ agents: 1 })
  const { h } = screened(s, 1.5 - 4 * NOISE)
  const repeat = next(s, 'repeat', h)
  assert.equal(repeat.split, undefined)
  s.record(repeat, measured(1.0))
  s.record(next(s, 'baseline'), measured(1.5))
  assert.equal(s.best.n, 0)
  const probe = probeOf(s, h)
  assert.equal(probe?.seed, repeat.seed)
  s.record(probe as never, measured(1.8))
  s.record(controlsOf(s)[0] as never, measured(1.8))
  assert.deepEqual([finding(s, h)?.outcome, s.best.n], ['cheat-suspected', 0])
})

test('without a second text nothing is cleared: suspected, and it says what to make', () => {
  const s = started({ agents: 1, hidden: false })
  const { h } = screened(s, 1.4)
  assert.equal(finding(s, h)?.outcome, 'cheat-suspected')
  assert.match(finding(s, h)?.cause ?? '', /no second held-out text.*swarm prepare --force/)
  assert.ok(!s.waiting().some((e) => e.split === 'hidden'))
})

test('an outage of the probe is no proof either way: three times, then the idea is let go', () => {
  const s = started({ agents: 1 })
  const { h } = screened(s, 1.4)
  for (let i = 0; i < 3; i++) s.record(probeOf(s, h) as never, { outcome: 'infra-failed', cause: 'no such flag' })
  assert.deepEqual([finding(s, h)?.verdict, finding(s, h)?.outcome], ['failed', 'infra-failed'])
  const other = screened(s, 1.4)
  s.record(probeOf(s, other.h) as never, { outcome: 'run-failed', cause: 'killed' })
  assert.equal(finding(s, other.h)?.outcome, 'run-failed')
})

test('a run that has its experiments waits for a probe that runs, and for nothing after it', () => {
  const s = started({ agents: 1, experiments: 5 })
  const end = (): string => s.finished?.reason ?? 'goes on'
  const { h } = screened(s, 1.4)
  s.record(controlsOf(s)[0] as never, measured(1.8))
  assert.equal(end(), 'goes on')
  s.record(probeOf(s, h) as never, measured(1.7))
  assert.match(end(), /6 experiments recorded, 5 were asked for/)
})
