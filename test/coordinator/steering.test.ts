// People at the wheel, by the decisions alone: what a veto ends, what a focus brings forward, whose pause holds.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isAbout, readKnobs } from '@swarm/shared/knobs'
import { experiments, status } from '@swarm/coordinator/board/queries'
import { focusOf, isPaused } from '@swarm/coordinator/board/steering'
import { propose } from '@swarm/coordinator/director/search'
import { RECIPE } from './bowl.ts'
import { measured, next, type Script, started } from './script.ts'

const veto = (s: Script, hypothesis: string): void => {
  s.write({ type: 'hypothesis-vetoed', hypothesis, by: 'me' })
  s.settle(true)
}
const line = (s: Script, id: string) => experiments(s.board).find((e) => e.id === id)

test('a vetoed hypothesis: what waits is withdrawn, the place it leaves is filled, the search does not ask again', () => {
  const s = started({ agents: 1 })
  const struck = next(s, 'screen')
  const { id, edits } = struck.hypothesis ?? {}
  const open = status(s.board, 0).hypotheses.open
  veto(s, id as string)
  assert.ok(s.waiting().every((e) => e.hypothesis?.id !== id))
  assert.equal(line(s, struck.id)?.outcome, 'withdrawn')
  const now = status(s.board, 0)
  assert.equal(now.hypotheses.open, open, 'another one took its place')
  assert.equal(now.hypotheses.byVerdict.vetoed, 1)
  s.runOn(40)
  const again = [...s.board.hypotheses.values()].filter(
    (h) => h.hypothesis.id !== id && JSON.stringify(h.hypothesis.edits) === JSON.stringify(edits),
  )
  assert.deepEqual(again, [])
})

test('what runs of it is recorded, and that is all: no repeat, no control, no promotion', () => {
  const s = started({ agents: 1 })
  const struck = next(s, 'screen')
  const id = struck.hypothesis?.id as string
  veto(s, id)
  const planned = s.board.experiments.size
  s.record(struck, measured(1.4))
  assert.equal(line(s, struck.id)?.outcome, 'measured')
  assert.equal(line(s, struck.id)?.status, 'discard')
  assert.ok(![...s.board.experiments.values()].slice(planned).some((e) => e.experiment.kind !== 'screen'))
  s.runOn(10)
  assert.ok([...s.board.bests.values()].every(({ best }) => best.hypothesis !== id))
  assert.equal(s.board.hypotheses.get(id)?.finding, undefined)
})

test('vetoed while its repeat waits or runs: the win is not promoted', () => {
  const s = started({ agents: 1 })
  const won = next(s, 'screen')
  s.record(won, measured(1.48))
  const id = won.hypothesis?.id as string
  const repeat = next(s, 'repeat', id)
  veto(s, id)
  assert.ok(!s.waiting().some((e) => e.kind === 'repeat'))
  s.record(repeat, measured(1.48))
  assert.equal(s.best.n, 0)
})

test('a run reaches its end past vetoed repeats and vetoed screens', () => {
  const s = started({ agents: 1, experiments: 6 })
  const end = (): string => s.finished?.reason ?? 'goes on'
  const won = next(s, 'screen')
  s.record(won, measured(1.48))
  s.record(next(s, 'baseline'), measured(1.5))
  s.record(next(s, 'screen'), measured(1.5))
  assert.equal(end(), 'goes on', 'its repeat is planned and has to be run')
  veto(s, won.hypothesis?.id as string)
  assert.match(end(), /6 experiments recorded/)

  const all = started({ experiments: 5_000, recipe: '// A. choices true|false\nconstexpr bool A = true;\n' })
  const only = next(all, 'screen')
  veto(all, only.hypothesis?.id as string)
  assert.match(all.finished?.reason ?? '', /tried every setting/, 'nothing else is open')
})

test('focus: knobs that speak of the area first, all others after them, and again as before when it is cleared', () => {
  const knobs = readKnobs(RECIPE)
  assert.deepEqual(
    knobs.filter((k) => isAbout(k, 'learning-rate')).map((k) => k.name),
    ['MUON_LR', 'EMBED_LR'],
  )
  const free = propose({ knobs, past: [], seed: 1 }, 200)
  const focused = propose({ knobs, past: [], seed: 1, focus: 'learning-rate' }, 200)
  const about = (p: (typeof free)[number]): boolean => p.edits.some((e) => e.knob.endsWith('_LR'))
  const first = focused.findIndex((p) => !about(p))
  assert.ok(first >= 8, `${first} changes of a learning rate come first`)
  assert.ok(!free.slice(0, first).every(about))
  // Nothing is lost by it: every change of one knob comes all the same.
  const single = (all: typeof free): string[] =>
    all.filter((p) => p.edits.length === 1).map((p) => JSON.stringify(p.edits))
  assert.deepEqual(single(focused).sort(), single(free).sort())
  assert.deepEqual(propose({ knobs, past: [], seed: 1, focus: 'tokenizer' }, 200), free)

  const s = started({ agents: 1 })
  s.write({ type: 'focus-set', n: 1, area: 'decay', by: 'me' })
  const before = s.board.hypotheses.size
  s.runOn(1)
  const chosen = [...s.board.hypotheses.values()].slice(before)[0]?.hypothesis
  assert.ok(
    chosen?.edits.some((e) => e.knob === 'WEIGHT_DECAY'),
    chosen?.title,
  )
  assert.equal(status(s.board, 0).focus, 'decay')
  s.write({ type: 'focus-set', n: 2, by: 'me' })
  assert.equal(focusOf(s.board), undefined)
})

test('pause: the last word for an agent or for all holds, for those who come later too, until the next run', () => {
  const s = started({ agents: 2 })
  let n = 0
  const say = (agent: string, paused: boolean): void =>
    s.write({ type: 'agent-paused', n: ++n, agent, paused, by: 'me' })
  const rest = (): string => ['a1', 'a2', 'a3'].map((a) => (isPaused(s.board, a) ? 'rests' : 'works')).join(' ')
  say('a1', true)
  assert.equal(rest(), 'rests works works')
  say('all', true)
  say('a2', false)
  assert.equal(rest(), 'rests works rests')
  say('all', false)
  assert.equal(rest(), 'works works works')
  say('a3', true)
  s.write({ type: 'swarm-stopped', run: 1, reason: 'enough' })
  s.write({ type: 'swarm-started', run: 2, seed: 1, agents: 2 })
  assert.equal(rest(), 'works works works')
})
