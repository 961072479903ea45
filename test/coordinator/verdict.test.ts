// The statistics of a verdict: their rates on ideas that are worth nothing and on ideas that are worth something, by simulation.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { draw } from '@swarm/coordinator/director/draw'
import { confirm } from '@swarm/coordinator/verdict/confirm'
import { pooledNoise } from '@swarm/coordinator/verdict/noise'
import { above, falsePromotions, screen } from '@swarm/coordinator/verdict/screen'

const NOISE = 0.004

/** Box and Muller over seeded draws: the same numbers in every run of the test. */
function normal(...about: (string | number)[]): number {
  return Math.sqrt(-2 * Math.log(1 - draw(7, ...about, 'u'))) * Math.cos(2 * Math.PI * draw(7, ...about, 'v'))
}

/** Share of ideas with this true gain that pass the screen, and that pass both steps; runs of a pair have nothing in common. */
function rates(
  name: string,
  ideas: number,
  trueGain: number,
  threshold: number,
  repeats: number,
): { screened: number; promoted: number } {
  let screened = 0
  let promoted = 0
  for (let i = 0; i < ideas; i++) {
    const gain = (what: string): number =>
      trueGain + NOISE * (normal(name, i, what, 'base') - normal(name, i, what, 'changed'))
    if (screen(gain('screen'), NOISE, threshold) !== 'promising') continue
    screened++
    const pairs = Array.from({ length: repeats }, (_, r) => ({
      seed: r,
      experiment: 'e0001',
      control: 'e0002',
      valBpb: 1,
      baseBpb: 1,
      gain: gain(`fresh ${r}`),
    }))
    if (confirm(pairs, NOISE, threshold).verdict === 'confirmed') promoted++
  }
  return { screened: screened / ideas, promoted: promoted / ideas }
}

test('the tail of the normal distribution has the values of the tables', () => {
  for (const [z, p] of [
    [0, 0.5],
    [1, 0.158655],
    [1.959964, 0.025],
    [3, 0.00135],
    [-1, 0.841345],
  ] as const)
    assert.ok(Math.abs(above(z) - p) < 1e-6, `${z}: ${above(z)}`)
})

test('2000 worthless ideas: 8% pass the screen, and no more than the stated 0.6% are promoted', () => {
  const stated = falsePromotions(2, 1)
  assert.ok(stated > 0.006 && stated < 0.0063, String(stated))
  const { screened, promoted } = rates('null', 2000, 0, 2, 1)
  // Three standard errors of a share of 2000.
  assert.ok(Math.abs(screened - above(2 / Math.SQRT2)) < 3 * Math.sqrt((0.079 * 0.921) / 2000), `screened ${screened}`)
  assert.ok(promoted <= stated + 3 * Math.sqrt(stated / 2000), `promoted ${promoted}`)
  assert.ok(promoted > 0, 'a rate of zero would say that nothing can ever pass')
})

test('more repeats make a false promotion rarer, by the formula and in the simulation', () => {
  assert.ok(falsePromotions(2, 3) < falsePromotions(2, 1) / 5)
  assert.ok(rates('null 3', 2000, 0, 2, 3).promoted <= 0.002)
})

test('a gain of three noises is promoted in more than half of all cases, of five in nearly all', () => {
  const three = rates('three', 1000, 3 * NOISE, 2, 1)
  assert.ok(Math.abs(three.screened - above(-1 / Math.SQRT2)) < 0.045, `screened ${three.screened}`)
  assert.ok(Math.abs(three.promoted - 0.578) < 0.05, `promoted ${three.promoted}`)
  assert.ok(rates('five', 500, 5 * NOISE, 2, 1).promoted > 0.93)
})

test('a loss beyond noise is refuted, a small difference is neither; the thresholds belong to the verdict', () => {
  assert.equal(screen(0.008, NOISE, 2), 'promising')
  assert.equal(screen(0.0079, NOISE, 2), 'within-noise')
  assert.equal(screen(-0.0079, NOISE, 2), 'within-noise')
  assert.equal(screen(-0.008, NOISE, 2), 'refuted')
})

test('a confirmation looks at the mean of fresh seeds alone', () => {
  const pair = (gain: number) => ({ seed: 1, experiment: 'e0001', control: 'e0002', valBpb: 1, baseBpb: 1, gain })
  assert.deepEqual(confirm([pair(0.02), pair(-0.004)], NOISE, 2), { verdict: 'confirmed', gain: 0.008 })
  assert.equal(confirm([pair(0.02), pair(-0.008)], NOISE, 2).verdict, 'within-noise')
  assert.equal(confirm([pair(-0.02)], NOISE, 2).verdict, 'refuted')
})

test('noise: three quiet baselines move the stated value a little, three wild ones raise it', () => {
  assert.equal(pooledNoise(NOISE, [1.5]), NOISE)
  const quiet = pooledNoise(NOISE, [1.5, 1.5, 1.5])
  assert.ok(Math.abs(quiet - NOISE * Math.sqrt(8 / 10)) < 1e-12)
  const wild = pooledNoise(NOISE, [1.4, 1.5, 1.6])
  assert.ok(wild > 10 * NOISE, String(wild))
})
