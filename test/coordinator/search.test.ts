// The search: legal, never the same twice, one knob after the other, and never at a loss.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { knobKey } from '@swarm/shared/hypothesis'
import { type Knob, readKnobs, refuseValue, setKnobs } from '@swarm/shared/knobs'
import { type Past, type Proposal, propose } from '@swarm/coordinator/director/search'
import { ladder, settingOf, step, titleOf } from '@swarm/coordinator/director/steps'
import { RECIPE } from './bowl.ts'

const SHIPPED = readFileSync(new URL('../../trainer-native/experiment/train.cu', import.meta.url), 'utf8')
const knobs = readKnobs(RECIPE)
const knob = (name: string): Knob => knobs.find((k) => k.name === name) as Knob
const past = (p: Proposal, i: number, verdict: Past['verdict'] = 'refuted', gain = -3): Past => ({
  id: `h${i}`,
  edits: p.edits,
  bases: [knobs],
  gain,
  ...(verdict === undefined ? {} : { verdict }),
})

test('steps: factors on log scales, doublings on pow2, eighths of the range elsewhere, never past the end', () => {
  assert.equal(step(knob('MUON_LR'), '0.08', -1, 1), '0.037')
  assert.equal(step(knob('ROWS'), '16', 1, 1), '32')
  assert.equal(step(knob('ROWS'), '64', 1, 1), undefined)
  assert.equal(step(knob('WARMDOWN'), '0.3', 1, 1), '0.4')
  assert.equal(step(knob('WARMDOWN'), '0.85', 1, 1), '0.9')
  assert.equal(step(knob('WARMDOWN'), '0.9', 1, 1), undefined)
  assert.equal(step(knob('DEPTH'), '4', -1, 1), '3')
  assert.deepEqual(ladder(knob('WINDOWS'), 1), ['SL', 'L'])
  assert.deepEqual(ladder(knob('MOMENTUM_WARMUP'), 1), ['false'])
})

test('titles are sentences', () => {
  assert.equal(titleOf(knobs, [{ knob: 'MUON_LR', value: '0.04' }]), 'Lower MUON_LR from 0.08 to 0.04')
  assert.equal(
    titleOf(knobs, [
      { knob: 'MUON_LR', value: '0.04' },
      { knob: 'WINDOWS', value: 'L' },
    ]),
    'Lower MUON_LR from 0.08 to 0.04 and switch WINDOWS from SSSL to L',
  )
  assert.equal(titleOf(knobs, [{ knob: 'MOMENTUM_WARMUP', value: 'false' }]), 'Turn MOMENTUM_WARMUP off')
})

for (const [name, source] of [
  ['these tests', RECIPE],
  ['the shipped recipe', SHIPPED],
] as const) {
  test(`300 proposals for ${name}: all legal, all different, the first ones on one knob each`, () => {
    const all = readKnobs(source)
    const seen: Past[] = []
    for (let i = 0; i < 100; i++) {
      const found = propose({ knobs: all, past: seen, seed: 1 }, 3)
      assert.equal(found.length, 3, `it stalled after ${seen.length}`)
      for (const p of found) seen.push({ ...past(p, seen.length, 'within-noise', 0.1), bases: [all] })
    }
    const settings = new Set(seen.map((p) => settingOf(all, p.edits)))
    assert.equal(settings.size, 300)
    for (const p of seen) {
      for (const e of p.edits) assert.equal(refuseValue(all.find((k) => k.name === e.knob) as Knob, e.value), undefined)
      const set = setKnobs(source, p.edits)
      assert.ok('source' in set && set.source !== source)
    }
    const first = seen.slice(0, all.length)
    assert.equal(new Set(first.map((p) => p.edits[0]?.knob)).size, all.length)
    assert.ok(first.every((p) => p.edits.length === 1))
  })
}

test('asking for five at once or one by one is the same', () => {
  const together = propose({ knobs, past: [], seed: 4 }, 5)
  const single: Past[] = []
  for (let i = 0; i < 5; i++) {
    const [p] = propose({ knobs, past: single, seed: 4 }, 1)
    assert.deepEqual(p?.edits, together[i]?.edits)
    single.push({ id: `h${i}`, edits: (p as Proposal).edits, bases: [knobs] })
  }
  assert.notDeepEqual(propose({ knobs, past: [], seed: 5 }, 5), together)
})

test('a confirmed win goes on in its direction, from where the best stands now', () => {
  const won = setKnobs(RECIPE, [{ knob: 'MUON_LR', value: '0.037' }])
  const now = readKnobs('source' in won ? won.source : '')
  const win: Past = {
    id: 'h9',
    edits: [{ knob: 'MUON_LR', value: '0.037' }],
    bases: [knobs],
    verdict: 'confirmed',
    gain: 5,
  }
  const [next] = propose({ knobs: now, past: [win], seed: 1 }, 1)
  assert.deepEqual(next, {
    title: 'Lower MUON_LR from 0.037 to 0.017',
    origin: 'follow-up',
    edits: [{ knob: 'MUON_LR', value: '0.017' }],
    parent: 'h9',
  })
  const tried: Past = {
    id: 'h10',
    edits: [{ knob: 'MUON_LR', value: '0.017' }],
    bases: [now],
    verdict: 'refuted',
    gain: -4,
  }
  assert.notEqual(propose({ knobs: now, past: [win, tried], seed: 1 }, 1)[0]?.origin, 'follow-up')
})

test('near misses are combined, the larger sum first, and not with a change of the same knob', () => {
  const near = (id: string, name: string, value: string, gain: number): Past => ({
    id,
    edits: [{ knob: name, value }],
    bases: [knobs],
    verdict: 'within-noise',
    gain,
  })
  const found = propose(
    {
      knobs,
      past: [
        near('h1', 'DEPTH', '5', 1.8),
        near('h2', 'ROWS', '8', 1.2),
        near('h3', 'DEPTH', '6', 1.9),
        near('h4', 'WARMDOWN', '0.4', 0.2),
      ],
      seed: 1,
    },
    2,
  )
  assert.deepEqual(
    found.map((p) => [p.origin, knobKey(p.edits)]),
    [
      ['combination', 'DEPTH=6 ROWS=8'],
      ['combination', 'DEPTH=5 ROWS=8'],
    ],
  )
})

test('a tiny space of settings is used up and then said so', () => {
  const one = readKnobs('// On or off. choices true|false\nconstexpr bool A = true;\n')
  assert.equal(propose({ knobs: one, past: [], seed: 1 }, 5).length, 1)
})

test('coarse knobs come before fine ones, and a knob that hurt one way is turned the other way next', () => {
  const all = readKnobs(SHIPPED)
  const first = propose({ knobs: all, past: [], seed: 1 }, 6)
  const coarse = (name: string | undefined): boolean => {
    const k = all.find((one) => one.name === name) as Knob
    return k.range.kind === 'choices' ? k.type !== 'bool' : ['int', 'pow2'].includes(k.range.scale)
  }
  assert.ok(first.every((p) => coarse(p.edits[0]?.knob)))
  const hurt = { ...past({ title: '', origin: 'search', edits: [{ knob: 'DEPTH', value: '5' }] }, 7), bases: [all] }
  const [next] = propose({ knobs: all, past: [hurt], seed: 1 }, 1)
  assert.deepEqual(next?.edits, [{ knob: 'DEPTH', value: '3' }])
  assert.deepEqual([next?.origin, next?.parent], ['follow-up', 'h7'])
  const both = { ...past(next as Proposal, 8), bases: [all] }
  assert.notEqual(propose({ knobs: all, past: [hurt, both], seed: 1 }, 1)[0]?.edits[0]?.knob, 'DEPTH', 'but only once')
})
