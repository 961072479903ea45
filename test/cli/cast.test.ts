// Who plays which part: shares, the director, and refusals that say what to type.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { spell } from '@swarm/shared/researcher'
import { agentPart, coordinatorPart } from '@swarm/coordinator/cli/up/parts'
import { castOf, environmentOf, readersAmong } from '@swarm/coordinator/cli/up/cast'
import { swarm } from './command.ts'

test('researchers are dealt by share, and the first over an API directs', () => {
  const cast = castOf({ researcher: 'search=2,openai:gpt-6-sol=4,codex=2' }, 8)
  assert.deepEqual(cast.agents.map(spell).sort(), [
    'codex',
    'codex',
    'openai:gpt-6-sol',
    'openai:gpt-6-sol',
    'openai:gpt-6-sol',
    'openai:gpt-6-sol',
    'search',
    'search',
  ])
  assert.equal(readersAmong(cast.agents), 6)
  assert.equal(cast.director && spell(cast.director), 'openai:gpt-6-sol')
  assert.equal(castOf({ researcher: 'search' }, 2).director, undefined)
  assert.equal(castOf({ researcher: 'claude,codex' }, 2).director, undefined)
  assert.equal(castOf({ researcher: 'openai:m', director: 'off' }, 2).director, undefined)
  assert.deepEqual(castOf({ researcher: 'codex', director: 'anthropic:m' }, 1).director, {
    name: 'anthropic',
    model: 'm',
  })
})

test('what cannot be is refused before anything starts', () => {
  for (const [options, why] of [
    [{ researcher: 'gpt' }, /NAME one of search/],
    [{ researcher: 'anthropic' }, /which model.*anthropic:MODEL/],
    [{ researcher: 'search=0' }, /a share is/],
    [{ researcher: 'search', director: 'claude:x' }, /--director claude:x/],
    [{ researcher: 'search', director: 'nobody' }, /^--director nobody/],
    [{ researcher: 'search', baseUrl: 'http://127.0.0.1:1' }, /--base-url is for researchers with a model/],
    [
      { researcher: 'anthropic:a,openai:b', baseUrl: 'http://127.0.0.1:1' },
      /set ANTHROPIC_BASE_URL and OPENAI_BASE_URL/,
    ],
    [{ researcher: 'openai:llama3.2', budgetUsd: 1 }, /price of openai:llama3.2 is not known.*--prices FILE/],
  ] as const)
    assert.throws(() => castOf(options, 2), { name: 'Usage', message: why })
  const dir = mkdtempSync(join(tmpdir(), 'swarm-cast-'))
  const prices = join(dir, 'prices.json')
  writeFileSync(
    prices,
    JSON.stringify({ date: '2026-11-21', models: { openai: { 'llama3.2': { input: 0, cacheRead: 0, output: 0 } } } }),
  )
  assert.ok(castOf({ researcher: 'openai:llama3.2', budgetUsd: 1, prices }, 1))
  rmSync(dir, { recursive: true, force: true })
})

test('a process gets the keys of its own provider and nobody else’s', () => {
  const env = { ANTHROPIC_API_KEY: 'a', OPENAI_API_KEY: 'o', AWS_SECRET_ACCESS_KEY: 's', OPENAI_BASE_URL: 'u' }
  assert.deepEqual(environmentOf({ name: 'search' }, env), {})
  assert.deepEqual(environmentOf(undefined, env), {})
  assert.deepEqual(environmentOf({ name: 'openai', model: 'm' }, env), { OPENAI_API_KEY: 'o', OPENAI_BASE_URL: 'u' })
  const before = process.env.OPENAI_API_KEY
  process.env.OPENAI_API_KEY = 'canary'
  try {
    const agent = { url: 'nats://x', home: '/h', checkout: '/c', lane: 'cpu:0' }
    assert.doesNotMatch(JSON.stringify(agentPart(agent)), /canary/)
    assert.doesNotMatch(
      JSON.stringify(agentPart({ ...agent, researcher: { name: 'anthropic', model: 'm' } })),
      /canary/,
    )
    const openai = agentPart({ ...agent, researcher: { name: 'openai', model: 'm' } })
    assert.equal(openai.env?.OPENAI_API_KEY, 'canary')
    assert.doesNotMatch(openai.args.join(' '), /canary/)
    const coordinator = { url: 'nats://x', home: '/h', program: '/p', data: '/d', checkout: '/c', seed: 1, agents: 1 }
    assert.doesNotMatch(JSON.stringify(coordinatorPart(coordinator)), /canary/)
  } finally {
    if (before === undefined) delete process.env.OPENAI_API_KEY
    else process.env.OPENAI_API_KEY = before
  }
})

test('a wrong researcher is a usage error of the command', async () => {
  for (const args of [
    ['up', '--researcher', 'gpt'],
    ['up', '--budget-usd', '-1'],
    ['up', '--budget-wall', 'soon'],
    ['join', 'nats://agent:x@127.0.0.1:1', '--researcher', 'openai'],
  ]) {
    const { code, stderr } = await swarm(undefined, args)
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`)
    assert.doesNotMatch(stderr, /\bat .*\.ts:/)
  }
})
