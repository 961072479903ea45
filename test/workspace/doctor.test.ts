// swarm doctor on this machine, and on machines that lack things.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Check } from '@swarm/coordinator/cli/doctor/checks'

const bin = fileURLToPath(new URL('../../bin/swarm.mjs', import.meta.url))
const root = mkdtempSync(join(tmpdir(), 'swarm-doctor-'))
after(() => rmSync(root, { recursive: true, force: true }))

interface Found {
  code: number | null
  ok: boolean
  checks: Check[]
  of: (name: string) => Check
}
function doctor(env: Record<string, string> = {}): Found {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, 'doctor', '--json'], {
    encoding: 'utf8',
    env: { ...process.env, ...env },
  })
  assert.notEqual(stdout, '', stderr)
  const { ok, checks } = JSON.parse(stdout) as { ok: boolean; checks: Check[] }
  return {
    code: status,
    ok,
    checks,
    of: (name) => checks.find((c) => c.name === name) ?? assert.fail(`no check ${name}`),
  }
}

test('after the set-up everything is right; each check that is not says what to do', () => {
  const found = doctor()
  assert.deepEqual(
    found.checks.map((c) => c.name),
    [
      ...[
        'node',
        'git',
        'compiler',
        'make',
        'nats-server',
        'trainer',
        'data set',
        'disk',
        'cores',
        'bubblewrap',
        'backend',
      ],
      ...['anthropic key', 'openai key', 'claude', 'codex', 'prices'],
    ],
  )
  assert.equal(found.code, found.ok ? 0 : 3)
  // An old nats-server and a full disk may be this machine's; the rest is what the set-up made.
  for (const check of found.checks)
    if (!['nats-server', 'disk'].includes(check.name)) assert.ok(check.ok, `${check.name}: ${check.found}`)
})

test('an empty machine: exit code 3, each missing thing with its fix', () => {
  const found = doctor({ PATH: root, SWARM_STATE: join(root, 'nothing'), CXX: '' })
  assert.deepEqual([found.code, found.ok], [3, false])
  assert.deepEqual(
    found.checks.filter((c) => !c.ok && c.name !== 'trainer').map((c) => c.name),
    ['git', 'compiler', 'make', 'nats-server', 'data set'],
  )
  for (const check of found.checks) assert.equal(check.ok, check.fix === undefined, check.name)
  assert.match(found.of('nats-server').fix ?? '', /npm run setup/)
  assert.match(found.of('data set').fix ?? '', /swarm prepare/)
})

test('an old nats-server is named with what it cannot do', () => {
  const folder = join(root, 'old')
  mkdirSync(folder)
  writeFileSync(join(folder, 'nats-server'), '#!/bin/sh\necho "nats-server: v2.9.10"\n')
  chmodSync(join(folder, 'nats-server'), 0o755)
  const found = doctor({ PATH: `${folder}:${process.env.PATH}`, SWARM_STATE: join(root, 'nothing') }).of('nats-server')
  assert.equal(found.ok, false)
  assert.match(found.found, /^2\.9\.10, .*degraded durability.*sync_interval: always.*power failure/)
})
