// Which agent gets which researcher.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deal, parseResearcher, parseShares, ResearcherInvalid, reads, spell } from '@swarm/shared/researcher'

test('names, models with colons and slashes, and shares are read as they are written', () => {
  assert.deepEqual(parseShares('anthropic:some-model=4,openai:hf.co/org/net:q4=2, search'), [
    { researcher: { name: 'anthropic', model: 'some-model' }, share: 4 },
    { researcher: { name: 'openai', model: 'hf.co/org/net:q4' }, share: 2 },
    { researcher: { name: 'search' }, share: 1 },
  ])
  assert.equal(spell(parseResearcher('openai:a:b')), 'openai:a:b')
})

test('what cannot be used is refused with the names there are', () => {
  for (const text of ['', 'gpt', 'search=0', 'anthropic:', 'search,,codex', 'codex=1001'])
    assert.throws(() => parseShares(text), ResearcherInvalid, text)
  assert.throws(() => parseShares('gpt:x'), /one of search, scripted, anthropic/)
})

test('only the search reads nothing', () => {
  assert.equal(reads(undefined), false)
  assert.equal(reads({ name: 'search' }), false)
  assert.equal(reads({ name: 'scripted' }), true)
})

test('agents are dealt by share, evenly mixed, every share at least once where there are agents enough', () => {
  const names = (text: string, agents: number): string =>
    deal(parseShares(text), agents)
      .map((r) => r.name[0])
      .join('')
  assert.equal(names('anthropic:m=4,codex=2,search=2', 8).length, 8)
  const eight = deal(parseShares('anthropic:m=4,codex=2,search=2'), 8).map((r) => r.name)
  assert.deepEqual(
    ['anthropic', 'codex', 'search'].map((name) => eight.filter((n) => n === name).length),
    [4, 2, 2],
  )
  assert.equal(names('anthropic:t=1,openai:t=1,scripted=1', 3), 'aos')
  assert.equal(names('search', 3), 'sss')
  assert.equal(names('anthropic:m=4,search=1', 1), 'a')
})
