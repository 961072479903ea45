// Every attack on the score is refused where and why it says, every honest edit passes: trainer-native/tests/redteam.
import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { run } from '@swarm/shared/exec'

const TRAINER = path.resolve(import.meta.dirname, '../../trainer-native')

test('make -C trainer-native redteam', { timeout: 1_800_000 }, async () => {
  const { code, output } = await run('make', ['--no-print-directory', '-C', TRAINER, 'redteam'], {
    timeoutMs: 1_780_000,
  })
  const wrong = output.split('\n').filter((line) => line.startsWith('FAIL'))
  assert.equal(code, 0, `${wrong.join('\n')}\n${output.slice(-3_000)}`)
  const counted = /^redteam: (\d+) attacks and (\d+) honest edits, \d+ runs, 0 not as expected/m.exec(output)
  assert.ok(counted !== null && Number(counted[1]) >= 20 && Number(counted[2]) >= 20, output.slice(-500))
  for (const line of output.split('\n')) if (/^(ok {2}|NOT TESTED|redteam:)/.test(line)) console.log(line)
})
