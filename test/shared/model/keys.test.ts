import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { cleanEnv } from '@swarm/shared/exec'
import { hasKey, KeyMissing, needKey, redact, takeKey } from '@swarm/shared/model/keys'

test('a key is taken once from the environment, and is not there for anybody after', () => {
  const env = { ANTHROPIC_API_KEY: 'sk-ant-canary-1', OTHER: 'x' }
  assert.ok(hasKey('anthropic', env))
  assert.deepEqual(takeKey('anthropic', env), { variable: 'ANTHROPIC_API_KEY', value: 'sk-ant-canary-1' })
  assert.deepEqual(env, { OTHER: 'x' })
  assert.equal(redact('failed with sk-ant-canary-1: no'), 'failed with [key]: no')
})

test('children start from an environment without keys', () => {
  process.env.OPENAI_API_KEY = 'sk-canary-2'
  try {
    assert.ok(!JSON.stringify(cleanEnv()).includes('canary'))
  } finally {
    delete process.env.OPENAI_API_KEY
  }
})

test('from a file of one’s own: its folder can be named, others may not read it, a link is not followed', () => {
  const dir = mkdtempSync(join(tmpdir(), 'swarm-keys-'))
  try {
    const env = { SWARM_KEYS: join(dir, 'keys') }
    assert.equal(takeKey('openai', env), undefined)
    assert.throws(() => needKey('openai', env), /set OPENAI_API_KEY, or write it to .*keys\/openai \(chmod 600\)/)
    mkdirSync(env.SWARM_KEYS)
    const file = join(env.SWARM_KEYS, 'openai')
    writeFileSync(file, 'sk-canary-3\n', { mode: 0o600 })
    assert.equal(needKey('openai', env).value, 'sk-canary-3')
    assert.equal(needKey('codex', env).value, 'sk-canary-3')
    chmodSync(file, 0o644)
    assert.throws(() => takeKey('openai', env), KeyMissing)
    symlinkSync(file, join(env.SWARM_KEYS, 'anthropic'))
    assert.throws(() => takeKey('anthropic', env), KeyMissing)
  } finally {
    rmSync(dir, { recursive: true })
  }
})
