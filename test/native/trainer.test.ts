// The trainer's own suite: every op's gradients, kernels on each instruction set, harness and judge as processes.
import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { run } from '@swarm/shared/exec'

const TRAINER = path.resolve(import.meta.dirname, '../../trainer-native')

test('make -C trainer-native test', { timeout: 900_000 }, async () => {
  const { code, output } = await run('make', ['--no-print-directory', '-C', TRAINER, 'test'], { timeoutMs: 880_000 })
  const last = output.trim().split('\n').at(-1) ?? ''
  assert.equal(code, 0, output.slice(-4_000))
  const counted = /^native: (\d+) passed, 0 failed/.exec(last)
  assert.ok(counted !== null && Number(counted[1]) > 50, last)
  console.log(last)
})
