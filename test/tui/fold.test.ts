import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fold } from '../../coordinator/src/tui/fold.ts'
import type { AgentRow } from '../../coordinator/src/tui/view.ts'
import { doing, gainPercent, gpuWords } from '../../coordinator/src/tui/words.ts'
import { BASE, beat, EVENTS, NEXT, TRACK } from './story.ts'

function folded(upTo = EVENTS.length): Fold {
  const fold = new Fold()
  for (const event of EVENTS.slice(0, upTo)) fold.see(event)
  return fold
}

test('the baseline is the mean over all seeds of the program, and not before all are measured', () => {
  const two = EVENTS.findIndex((e) => e.fact.type === 'experiment-recorded' && e.fact.result.experiment === 'e0003')
  assert.equal(folded(two).view().baseline, undefined)
  assert.ok(Math.abs((folded(two + 1).view().baseline as number) - 1.87) < 1e-12)
})

test('the best carries its verified mean and its gain over the baseline', () => {
  const view = folded().view()
  assert.equal(view.best?.valBpb, 1.846)
  assert.equal(view.bests.length, 2)
  assert.equal(gainPercent(view)?.toFixed(3), '1.283')
})

test('an experiment is compared with its own base on its own seed', () => {
  const { experiments } = folded()
  assert.equal(experiments.get('e0004')?.gain?.toFixed(4), '0.0300')
  assert.equal(experiments.get('e0007')?.gain?.toFixed(4), '0.0240')
})

test('a base measured after the change gives the gain late', () => {
  const fold = folded()
  const repeat = EVENTS.find((e) => e.fact.type === 'experiment-recorded' && e.fact.result.experiment === 'e0007')
  const control = EVENTS.find((e) => e.fact.type === 'experiment-recorded' && e.fact.result.experiment === 'e0001')
  assert.ok(repeat?.fact.type === 'experiment-recorded' && control?.fact.type === 'experiment-recorded')
  fold.see({ seq: 100, fact: { ...repeat.fact, result: { ...repeat.fact.result, experiment: 'e0020', seed: 77 } } })
  assert.equal(fold.experiments.get('e0020')?.gain, undefined)
  fold.see({ seq: 101, fact: { ...control.fact, result: { ...control.fact.result, experiment: 'e0021', seed: 77 } } })
  assert.equal(fold.experiments.get('e0020')?.gain?.toFixed(4), '0.0220')
})

test('the runs of a promoted diff are the runs of the new base', () => {
  const fold = folded()
  const screen = EVENTS.find((e) => e.fact.type === 'experiment-recorded' && e.fact.result.experiment === 'e0005')
  assert.ok(screen?.fact.type === 'experiment-recorded')
  fold.see({
    seq: 100,
    fact: { ...screen.fact, result: { ...screen.fact.result, experiment: 'e0030', base: NEXT, seed: 2 } },
  })
  assert.equal(fold.experiments.get('e0030')?.gain?.toFixed(4), '-0.0520') // 1.848 − 1.9
})

test('measured becomes the verdict, and every outcome is counted once', () => {
  const view = folded().view()
  assert.deepEqual(view.outcomes, { measured: 3, improved: 2, 'no-gain': 1, 'build-failed': 1 })
  assert.equal(view.done, 7)
  assert.equal(view.queued, 0)
})

test('another track is another scale: numbers of the old one are not carried over', () => {
  const fold = folded()
  const adopted = EVENTS.find((e) => e.fact.type === 'program-adopted')
  assert.ok(adopted?.fact.type === 'program-adopted')
  fold.see({ seq: 100, fact: { ...adopted.fact, n: 2, track: TRACK.replaceAll('c', '9'), budget: 'work:5s' } })
  assert.equal(fold.view().baseline, undefined)
  assert.equal(fold.view().best?.valBpb, undefined)
  assert.equal(fold.view().best?.commit, NEXT)
})

test('a snapshot never changes, and is the same object while nothing happens', () => {
  const fold = folded()
  fold.pulse(beat('a1', 100))
  const before = fold.view()
  assert.equal(before, fold.view())
  const agent = before.agents[0]
  fold.pulse(beat('a1', 101))
  assert.equal(agent?.step, 100)
  assert.notEqual(before, fold.view())
  assert.notEqual(before.agents[0], fold.view().agents[0])
})

test('a new run counts from zero and waits for its agents', () => {
  const fold = folded()
  fold.see({ seq: 99, fact: { type: 'swarm-started', at: '2030-01-02T00:00:00Z', run: 2, seed: 1, agents: 1 } })
  const view = fold.view()
  assert.equal(view.doneInRun, 0)
  assert.equal(view.done, 7)
  assert.ok(view.agents.every((a) => !a.present))
  assert.equal(view.bests[0]?.commit, BASE)
})

test('who rests: one by name, all, and those who join while all rest; a new run begins with everybody', () => {
  const fold = folded()
  const at = '2030-01-01T13:00:00Z'
  const say = (n: number, agent: string, paused: boolean): void =>
    fold.see({ seq: 100 + n, fact: { type: 'agent-paused', at, n, agent, paused, by: 'me' } })
  const rest = (): (boolean | undefined)[] => fold.view().agents.map((a) => a.paused)
  say(1, 'a2', true)
  assert.deepEqual(rest(), [undefined, true])
  fold.pulse({ ...beat('a2', 100), phase: 'train', experiment: 'e0009', step: 7 })
  const [, busy] = fold.view().agents
  assert.match(busy === undefined ? '' : doing(busy), /^pausing, train e0009 step 7/)
  fold.pulse({ agent: 'a2', session: 1, at, phase: 'paused' })
  assert.equal(fold.view().agents[1] && doing(fold.view().agents[1] as AgentRow), 'paused')
  say(2, 'all', true)
  say(3, 'a2', false)
  assert.deepEqual(rest(), [true, undefined])
  fold.see({ seq: 110, fact: { type: 'swarm-started', at, run: 2, seed: 1, agents: 1 } })
  assert.deepEqual(rest(), [undefined, undefined])
})

test('a veto takes what waits of it off the count, once, also when its result comes in after all; focus comes and goes', () => {
  const upTo = EVENTS.findIndex((e) => e.fact.type === 'experiment-recorded' && e.fact.result.experiment === 'e0005')
  const fold = folded(upTo)
  const before = fold.view().queued
  const recorded = EVENTS[upTo] as (typeof EVENTS)[number]
  assert.ok(recorded.fact.type === 'experiment-recorded' && recorded.fact.result.hypothesis !== undefined)
  const at = '2030-01-01T13:00:00Z'
  const { hypothesis } = recorded.fact.result
  fold.see({ seq: 100, fact: { type: 'hypothesis-vetoed', at, hypothesis, by: 'me' } })
  assert.equal(fold.view().queued, before - 1)
  fold.see({ ...recorded, seq: 101 })
  assert.equal(fold.view().queued, before - 1)
  fold.see({ seq: 102, fact: { type: 'focus-set', at, n: 1, area: 'attention', by: 'me' } })
  assert.equal(fold.view().focus, 'attention')
  fold.see({ seq: 103, fact: { type: 'focus-set', at, n: 2, by: 'me' } })
  assert.equal(fold.view().focus, undefined)
})

test('a GPU lane shows what its GPU does; one that was given up says so', () => {
  const fold = folded()
  fold.pulse({ ...beat('a1', 100), gpu: { used: 41_062, busy: 97, watts: 612.4, celsius: 64 } })
  const row = (): AgentRow => fold.view().agents[0] as AgentRow
  assert.equal(gpuWords({ ...row(), lane: { kind: 'gpu', cores: [], gpu: 3 } }), 'a1 gpu 3 97% 40.1G 612W 64C')
  fold.pulse({ agent: 'a1', session: 1, at: '2030-01-01T13:00:00Z', phase: 'build', experiment: 'e0099' })
  assert.deepEqual(
    [doing(row()), row().title, row().elapsed, row().gpu],
    ['build e0099', undefined, undefined, undefined],
  )
  const reason = 'gpu 3 is sick: no reading for 15 s'
  const at = '2030-01-01T13:00:00Z'
  fold.see({ seq: 100, fact: { type: 'agent-left', at, agent: 'a1', session: 1, reason } })
  assert.equal(doing({ ...row(), lane: { kind: 'gpu', cores: [], gpu: 3 } }), 'gpu 3 sick')
})
