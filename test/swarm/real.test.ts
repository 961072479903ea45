// The whole sentence with nothing fake in it: real text, real training (short), real judge, real git, nats-server and LMDB.
import assert from 'node:assert/strict'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { Command, jsonLines, processesOf, swarm } from '../cli/command.ts'
import { commitAll } from '../support/checkout.ts'
import { git } from '@swarm/shared/git'

const ROOT = path.resolve(import.meta.dirname, '../..')
const dir = mkdtempSync(path.join(tmpdir(), 'swarm-real-'))
const checkout = path.join(dir, 'checkout')
const FILE = path.join(checkout, 'trainer-native/experiment/train.cu')

/** This very working tree as a repository of its own, with what is built. */
before(async () => {
  mkdirSync(checkout)
  cpSync(path.join(ROOT, 'trainer-native'), path.join(checkout, 'trainer-native'), {
    recursive: true,
    preserveTimestamps: true,
  })
  cpSync(path.join(ROOT, 'program.md'), path.join(checkout, 'program.md'))
  writeFileSync(path.join(checkout, '.gitignore'), 'trainer-native/build/\n')
  await git(checkout, ['init', '-q', '-b', 'main'])
  await commitAll(checkout, 'As it is')
})
after(() => {
  for (const { pid } of processesOf(dir)) process.kill(pid, 'SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

interface Row {
  id: string
  kind: string
  seed: number
  valBpb?: number
  outcome: string
  diff: string
  measurement?: { checkpoint: string; steps: number }
}

async function play(home: string): Promise<Row[]> {
  const up = new Command(undefined, [
    ...[
      'up',
      '--plain',
      '--agents',
      '1',
      '--experiments',
      '6',
      '--budget',
      'tokens:6k',
      '--home',
      home,
      '--checkout',
      checkout,
    ],
    ...['--program', path.join(checkout, 'program.md')],
  ])
  const { code, stdout, stderr } = await up.done
  assert.equal(code, 0, stdout + stderr)
  return jsonLines<Row>((await swarm(undefined, ['board', '--json', '--home', home])).stdout)
}

test('two homes, one agent each, the same seed: the same experiments and scores to the last digit', {
  timeout: 300_000,
}, async () => {
  const view = (rows: Row[]): unknown[] =>
    rows.map((r) => [r.id, r.kind, r.seed, r.outcome, r.diff, r.valBpb, r.measurement?.checkpoint])
  const first = await play(path.join(dir, 'one'))
  const second = await play(path.join(dir, 'two'))
  assert.ok(first.length >= 6)
  assert.ok(
    first.every((r) => r.outcome !== 'infra-failed'),
    JSON.stringify(first.map((r) => r.outcome)),
  )
  const measured = first.filter((r) => r.valBpb !== undefined)
  assert.ok(measured.length >= 5)
  for (const { valBpb, measurement } of measured) {
    assert.ok(valBpb !== undefined && valBpb > 1.5 && valBpb < 3.5, `val_bpb ${valBpb} of a network hardly trained`)
    assert.ok((measurement?.steps ?? 0) > 0)
  }
  assert.deepEqual(view(second), view(first))
})

test('swarm train gives the checkpoint the swarm got for the same source, seed and budget', {
  timeout: 120_000,
}, async () => {
  const rows = jsonLines<Row>((await swarm(undefined, ['board', '--json', '--home', path.join(dir, 'one')])).stdout)
  const baseline = rows.find((r) => r.kind === 'baseline' && r.seed === 2)
  const by = async (env: NodeJS.ProcessEnv): Promise<string> => {
    const done = await swarm(undefined, ['train', FILE, '--seed', '2', '--budget', 'tokens:6k', '--json'], { env })
    assert.equal(done.code, 0, done.stderr)
    return done.stdout
  }
  // Whatever this machine chooses by itself, then each set it has.
  assert.match(await by({}), new RegExp(baseline?.measurement?.checkpoint ?? 'no baseline'))
  for (const isa of ['avx2', 'avx512'].filter((isa) => readFileSync('/proc/cpuinfo', 'utf8').includes(isa)))
    assert.match(await by({ SWARM_ISA: isa }), new RegExp(baseline?.measurement?.checkpoint ?? 'no baseline'))
})
