import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseProgram, ProgramInvalid } from '@swarm/shared/settings'
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
  assert.equal(machineClass('work:15s', 'epyc'), machineClass('tokens:200k', 'xeon'))
  assert.notEqual(
    trackOf({ ...parts, machine: machineClass('wall:5m', 'H100') }),
    trackOf({ ...parts, machine: machineClass('wall:5m', 'H200') }),
  )
  assert.notEqual(trackOf({ ...parts, machine: 'any' }), trackOf({ ...parts, manifest: 'c', machine: 'any' }))
})
