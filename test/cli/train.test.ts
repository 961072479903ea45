// `swarm train` with the real trainer: the build's cache, the times it tells, and a run that goes on after a kill.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { pause, swarm } from './command.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const DATA = path.join(process.env.SWARM_STATE ?? path.join(ROOT, '.swarm'), 'data', 'sotu-v1024')
const dir = mkdtempSync(path.join(tmpdir(), 'swarm-train-test-'))
after(() => rmSync(dir, { recursive: true, force: true }))

/** The shipped experiment under a name and with a text of its own, so that no cache knows it. */
const experiment = path.join(dir, 'train.cu')
const shipped = readFileSync(path.join(ROOT, 'trainer-native/experiment/train.cu'), 'utf8')
writeFileSync(experiment, `${shipped}\n// ${randomUUID()}\n`)

interface Facts {
  buildSeconds: number
  buildCached: boolean
  firstStepSeconds: number
  checkpointSha256: string
  steps: number
  resumedAfter?: number
}
async function train(...more: string[]): Promise<{ facts: Facts; stderr: string }> {
  const { code, stdout, stderr } = await swarm(undefined, [
    'train',
    experiment,
    '--budget',
    'tokens:8k',
    '--json',
    ...more,
  ])
  assert.equal(code, 0, stderr)
  return { facts: JSON.parse(stdout) as Facts, stderr }
}

test('an edit is compiled once; the times of build and first step are told', async () => {
  const first = await train()
  assert.equal(first.facts.buildCached, false)
  assert.match(first.stderr, /^build \d+\.\d s$/m)
  assert.match(first.stderr, /^first step after \d+\.\d s$/m)
  assert.ok(first.facts.firstStepSeconds >= first.facts.buildSeconds)
  const second = await train()
  assert.equal(second.facts.buildCached, true)
  assert.match(second.stderr, /^build \d+\.\d s \(cache\)$/m)
  assert.equal(second.facts.checkpointSha256, first.facts.checkpointSha256)
  writeFileSync(experiment, readFileSync(experiment, 'utf8').replace('int DEPTH = at_scale(4, 8);', 'int DEPTH = 1;'))
  assert.equal((await train()).facts.buildCached, false)
})

test('--resume goes on with a kept run that was killed, to the checkpoint of an unbroken one', async () => {
  const refused = await swarm(undefined, ['train', experiment, '--resume'])
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /give --keep DIR with --resume/)

  const kept = path.join(dir, 'kept')
  const whole = await train('--keep', kept)
  const state = path.join(kept, 'state.bin')
  let killed = false
  for (let attempt = 0; attempt < 5 && !killed; attempt++) {
    rmSync(state, { force: true })
    const args = [
      '--data',
      DATA,
      '--seed',
      '1',
      '--budget',
      'tokens:8k',
      '--out',
      kept,
      '--resume',
      '--save-seconds',
      '0',
    ]
    const child = spawn(path.join(kept, 'train'), args, { stdio: 'ignore' })
    const ended = new Promise<NodeJS.Signals | null>((done) => child.once('exit', (_, signal) => done(signal)))
    while (child.exitCode === null && !existsSync(state)) await pause(2)
    child.kill('SIGKILL')
    killed = (await ended) === 'SIGKILL' && existsSync(state) // else it was through before the signal
  }
  assert.ok(killed)
  const resumed = await train('--keep', kept, '--resume')
  assert.ok((resumed.facts.resumedAfter ?? 0) >= 1)
  assert.equal(resumed.facts.checkpointSha256, whole.facts.checkpointSha256)
  assert.equal(existsSync(state), false)
})
