// One child kept alive: started again when it dies, given up on when it asks for that or only ever dies.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CrashLoop, GaveUp, keepRunning, type Part } from '../../coordinator/src/processes.ts'

const part = (script: string, more: Partial<Part> = {}): Part => ({
  name: 'part',
  file: process.execPath,
  args: ['-e', script],
  cwd: '/',
  log: '/logs/part.log',
  ...more,
})

test('the exit code that means "a person has to look" is not started again, and carries the reason', async () => {
  const deaths: string[] = []
  const script =
    'console.log(JSON.stringify({ ready: true })); console.error("part: the baseline cannot be measured: no compiler"); process.exit(6)'
  const kept = keepRunning(part(script, { givesUpWith: 6 }), { died: (how) => deaths.push(how) })
  await assert.rejects(
    kept.done,
    (error) => error instanceof GaveUp && error.message === 'the baseline cannot be measured: no compiler',
  )
  assert.deepEqual(deaths, [])
})

test('killed, it comes back; stopped, it does not', async () => {
  const pids: number[] = []
  const kept = keepRunning(part('setInterval(() => {}, 1000)'), {
    started: ({ pid }) => {
      pids.push(pid)
      if (pids.length === 1) setTimeout(() => process.kill(pid, 'SIGKILL'), 100)
      else setTimeout(() => void kept.stop(2_000), 100)
    },
  })
  assert.equal(await kept.done, 'stopped')
  assert.equal(pids.length, 2)
  for (const pid of pids) assert.throws(() => process.kill(pid, 0))
})

test('a good end is the end; for one that returns it is not', async () => {
  assert.equal(await keepRunning(part('')).done, 'finished')
  let starts = 0
  const kept = keepRunning(part('', { returns: () => true }), {
    started: () => {
      if (++starts === 2) void kept.stop(1_000)
    },
  })
  assert.equal(await kept.done, 'stopped')
  assert.equal(starts, 2)
})

test('who only ever dies is given up on, with its last words and its log', async () => {
  let starts = 0
  const kept = keepRunning(part('console.error("no board here"); process.exit(1)'), {
    started: () => {
      starts++
    },
  })
  await assert.rejects(
    kept.done,
    (error) =>
      error instanceof CrashLoop &&
      /part does not stay up: exit code 1, 6 times in a row\.\nIts last words:\n {2}no board here\nIts log: \/logs\/part\.log/.test(
        error.message,
      ),
  )
  assert.equal(starts, 6)
})
