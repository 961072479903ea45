// The lane: how long it waits between two runs, and what may run beside one.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Result } from '@swarm/shared/result'
import { type Hub, openHub } from './hub.ts'

let hub: Hub
before(async () => {
  hub = await openHub({ seconds: 1.5 })
})
after(() => hub.close())

/** When this phase of an experiment was first told of, in milliseconds. */
const began = (id: string, phase: 'train' | 'judge'): number =>
  Date.parse(hub.beats.find((b) => b.experiment === id && b.phase === phase)?.at ?? '')
const ended = (r: Result): number => Date.parse(r.endedAt)

async function measured(numbers: number[], budget?: string): Promise<Result[]> {
  for (const n of numbers) await hub.plan(hub.experiment(n, budget === undefined ? {} : { budget }))
  const agent = hub.agent('a1')
  const results: Result[] = []
  for (const n of numbers) results.push(await hub.result(hub.experiment(n).id))
  agent.kill('SIGTERM')
  assert.equal(await agent.ended, 0)
  return results
}

/** Was the next experiment built and tried before this one's trainer ended? On a machine busy with other things it may not be. */
function readyInTime(id: string): boolean {
  const beats = hub.beats.filter((b) => b.experiment === id && b.phase === 'train')
  return beats.some((b) => b.next !== undefined) && beats.at(-1)?.next === undefined
}

test('the next trainer starts as soon as the last one ends, beside its judge; a lane trains nine tenths of its time', async (t) => {
  const results = await measured([1, 2, 3, 4])
  assert.deepEqual(
    results.map((r) => r.outcome),
    results.map(() => 'measured'),
  )
  const pairs = results.slice(0, -1).map((r, i) => [r, results[i + 1] as Result] as const)
  const inTime = pairs.filter(([r]) => readyInTime(r.experiment))
  for (const [r, { experiment: next }] of inTime) {
    const waited = began(next, 'train') - began(r.experiment, 'judge')
    assert.ok(waited >= 0 && waited < 300, `${next} waited ${waited} ms`)
    assert.ok(began(next, 'train') < ended(r), `${r.experiment} is judged beside ${next}`)
  }
  if (inTime.length < pairs.length) return t.skip('too busy a machine: a build took longer than the run beside it')
  const trained = results.slice(0, -1).reduce((sum, r) => sum + r.cost.train, 0)
  const span = (began('e0004', 'train') - began('e0001', 'train')) / 1000
  assert.ok(trained / span > 0.9 && trained / span < 1.01, `${trained.toFixed(2)} s of ${span.toFixed(2)} s`)
})

test('what an experiment cost is what its processes took, each step under its own name', async () => {
  for (const { cost, measurement, experiment, startedAt, endedAt } of hub.results) {
    const { train, judge, build, preflight, author, total } = cost
    const training = measurement?.trainingSeconds ?? 0
    assert.ok(train >= training && train < training + 5, `${experiment}: ${train} s for ${training} s of steps`)
    assert.ok(judge > (measurement?.evalSeconds ?? 0) && judge < 10 && preflight > 0.1)
    assert.equal(author, 0, 'a baseline is written by nobody')
    assert.ok(total >= train + judge + build + preflight)
    assert.ok(Math.abs((Date.parse(endedAt) - Date.parse(startedAt)) / 1000 - total) < 1)
  }
  assert.ok((hub.results[0]?.cost.build ?? 0) > (hub.results[1]?.cost.build ?? 0), 'the second is from the cache')
})

test('with a budget of time nothing but the run has the lane while it trains: the judge comes before the next', async () => {
  const [one, two] = await measured([11, 12], 'wall:1s')
  assert.ok(one?.outcome === 'measured' && two?.outcome === 'measured', one?.cause)
  assert.ok(began('e0012', 'train') >= ended(one))
})
