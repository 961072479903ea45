import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseProgram, ProgramInvalid } from '@swarm/shared/settings'
import { atScale } from '@swarm/shared/program'
import { machineClass, trackOf } from '@swarm/shared/track'

test('front matter gives settings, the rest is prose, and what is not said has a default', () => {
  const p = parseProgram('---\nbudget: work:12s   # short\nseeds: [4, 5]\nnoise: 0.003\n---\n# Explore\nBe bold.\n')
  assert.equal(p.budget, 'work:12s')
  assert.deepEqual(p.seeds, [4, 5])
  assert.equal(p.noise, 0.003)
  assert.equal(p.threshold, 2)
  assert.equal(p.prose, '# Explore\nBe bold.')
  assert.equal(parseProgram('only prose').prose, 'only prose')
})

test('a mistake in program.md names the line and what would be right', () => {
  assert.throws(
    () => parseProgram('---\nbudget: work:12s\nsedes: [1]\n---\n'),
    (e: Error) => e instanceof ProgramInvalid && /line 3.*sedes.*seeds/.test(e.message),
  )
  assert.throws(() => parseProgram('---\nbudget: forever\n---\n'), /work:20s/)
  assert.throws(() => parseProgram('---\njust words\n---\n'), /line 2.*key: value/)
  assert.throws(() => parseProgram('---\nmetric: accuracy\n---\n'), /metric/)
})

test('results are comparable across machines only where the budget gives the same bits', () => {
  const parts = { manifest: 'a', frozen: 'b', budget: 'work:15s' }
  assert.equal(machineClass('work:15s', { cpu: 'epyc' }), machineClass('tokens:200k', { cpu: 'xeon' }))
  assert.notEqual(
    trackOf({ ...parts, machine: machineClass('wall:5m', { cpu: 'epyc', gpu: 'H100' }) }),
    trackOf({ ...parts, machine: machineClass('wall:5m', { cpu: 'epyc', gpu: 'H200' }) }),
  )
  assert.notEqual(trackOf({ ...parts, machine: 'any' }), trackOf({ ...parts, manifest: 'c', machine: 'any' }))
})

test('the scale: cpu unless it is said, with a budget of its own; asked for instead, the budget of the other does not hold', () => {
  const shipped = parseProgram('---\nbudget: work:24s\n---\n')
  assert.deepEqual([shipped.scale, shipped.budget], ['cpu', 'work:24s'])
  const large = parseProgram('---\nscale: gpu\n---\n')
  assert.deepEqual([large.budget, large.noise], ['wall:300s', 0.001])
  assert.equal(parseProgram('---\nscale: gpu\nbudget: tokens:1M\n---\n').budget, 'tokens:1M')
  assert.throws(() => parseProgram('---\nscale: large\n---\n'), /scale/)
  const asked = atScale(shipped, 'gpu')
  assert.deepEqual([asked.scale, asked.budget, asked.noise], ['gpu', 'wall:300s', 0.001])
  assert.equal(atScale(shipped, 'cpu'), shipped)
  assert.equal(atScale(shipped, undefined), shipped)
})

test('a track holds the scale, and on GPUs their class under any budget', () => {
  const parts = { manifest: 'a', frozen: 'b', budget: 'work:15s' }
  const on = (gpu?: string): string => machineClass('work:15s', { cpu: 'epyc', gpu })
  assert.equal(on(), 'any')
  assert.notEqual(
    trackOf({ ...parts, machine: on('H200, CUDA 12') }),
    trackOf({ ...parts, machine: on('H200, CUDA 13') }),
  )
  assert.equal(trackOf({ ...parts, machine: 'any' }), trackOf({ ...parts, machine: 'any', scale: 'cpu' }))
  assert.notEqual(trackOf({ ...parts, machine: 'any' }), trackOf({ ...parts, machine: 'any', scale: 'gpu' }))
})
