// What proves the trainer's suite: a part of it under sanitizers, and a flipped sign that it must find.
// All of it: make -C trainer-native sanitize, make -C trainer-native mutation.
import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { run } from '@swarm/shared/exec'

const TRAINER = path.resolve(import.meta.dirname, '../../trainer-native')
const make = (...args: string[]): Promise<{ code: number; output: string }> =>
  run('make', ['--no-print-directory', '-C', TRAINER, ...args], { timeoutMs: 880_000 })

for (const sanitizer of ['address,undefined', 'thread'])
  test(`ops and a network of two workers under ${sanitizer}`, { timeout: 900_000 }, async (t) => {
    const { code, output } = await make('sanitize-part', `SANITIZE=${sanitizer}`)
    assert.equal(code, 0, output.slice(-6_000))
    const missing = /^NOT TESTED: .*/m.exec(output)?.[0]
    if (missing !== undefined) {
      console.log(missing)
      t.skip(missing)
      return
    }
    const counted = [...output.matchAll(/^native: (\d+) passed, 0 failed$/gm)].map((found) => Number(found[1]))
    assert.equal(counted.length, 2, output)
    assert.ok((counted[1] as number) > 8, output)
  })

test('a flipped sign in a backward pass makes the suite fail', { timeout: 900_000 }, async () => {
  const { code, output } = await make('mutation', 'ONLY=linear')
  assert.equal(code, 0, output.slice(-6_000))
  assert.match(output, /^caught linear: op embed, linear.*/m)
  assert.match(output, /^mutation: 1 caught, 0 missed$/m)
})
