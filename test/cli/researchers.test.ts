// What `swarm doctor` says of researchers: keys without their value, command lines with their version, servers by what they speak, prices.
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Check } from '@swarm/coordinator/cli/doctor/checks'
import { startModelServer } from '../support/model-server/server.ts'
import { swarm } from './command.ts'

const root = mkdtempSync(join(tmpdir(), 'swarm-researchers-'))
after(() => rmSync(root, { recursive: true, force: true }))

async function doctor(args: string[], env: NodeJS.ProcessEnv = {}): Promise<{ of(name: string): Check; all: string }> {
  const { stdout, stderr } = await swarm(undefined, ['doctor', '--json', ...args], {
    env: { SWARM_KEYS: root, ...env },
  })
  const { checks } = JSON.parse(stdout) as { checks: Check[] }
  return { of: (name) => checks.find((c) => c.name === name) ?? assert.fail(`no check ${name}`), all: stdout + stderr }
}

test('a server that offers chat alone: said so, and that openai uses it', async () => {
  const models = await startModelServer([], { offers: ['chat', 'models'] })
  try {
    const { of } = await doctor(['--base-url', `${models.url}/v1`])
    assert.equal(of('model server').ok, true)
    assert.match(of('model server').found, /speaks Chat Completions; openai uses Chat Completions$/)
    assert.equal(models.told.size, 0, 'asking costs nothing')
  } finally {
    await models.close()
  }
})

test('a server of Messages is found without /v1; nobody there is wrong', async () => {
  const models = await startModelServer([], { offers: ['messages'] })
  const { of } = await doctor(['--base-url', models.url])
  assert.match(of('model server').found, /speaks Messages$/)
  await models.close()
  const gone = (await doctor(['--base-url', models.url])).of('model server')
  assert.equal(gone.ok, false)
  assert.match(gone.found, /does not answer/)
})

test('keys are found and never shown; a file open to others is refused', async () => {
  const found = await doctor([], { OPENAI_API_KEY: 'sk-canary-1234567890' })
  assert.equal(found.of('openai key').found, 'found')
  assert.doesNotMatch(found.all, /canary/)
  const file = join(root, 'anthropic')
  writeFileSync(file, 'sk-canary-file', { mode: 0o644 })
  chmodSync(file, 0o644)
  const open = await doctor([])
  assert.equal(open.of('anthropic key').ok, false)
  assert.match(open.of('anthropic key').fix ?? '', /chmod 600/)
  chmodSync(file, 0o600)
  const mine = await doctor([])
  assert.equal(mine.of('anthropic key').found, 'found')
  assert.doesNotMatch(open.all + mine.all, /canary/)
})

test('command lines with their version; models with their price', async () => {
  const bin = join(root, 'bin')
  mkdirSync(bin)
  writeFileSync(join(bin, 'codex'), '#!/bin/sh\necho "codex-cli 0.163.0"\n')
  chmodSync(join(bin, 'codex'), 0o755)
  const { of } = await doctor(['--researcher', 'anthropic:claude-sonnet-5,openai:llama3.2'], {
    PATH: `${bin}:${process.env.PATH}`,
  })
  assert.match(of('codex').found, /^codex-cli 0\.163\.0, with its own login/)
  assert.match(of('anthropic:claude-sonnet-5').found, /^\$2 in, \$0\.2 cached, \$10 out/)
  assert.match(of('openai:llama3.2').found, /price unknown/)
})

test('without a key nothing is started', async () => {
  const env = { SWARM_KEYS: join(root, 'none'), OPENAI_API_KEY: '', OPENAI_BASE_URL: '' }
  const { code, stderr } = await swarm(undefined, ['up', '--researcher', 'openai:gpt-6-sol'], { env })
  assert.equal(code, 2)
  assert.match(stderr, /no key for openai: set OPENAI_API_KEY/)
})
