// Both SDKs against the loopback server, in all three protocols: text, tools, answers, every stop reason, and the count of it.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Request, Stop } from '@swarm/shared/model/model'
import { z } from 'zod'
import type { Protocol } from '../../support/model-server/reply.ts'
import { each, even, look, PROTOCOLS, stage, turned } from './stage.ts'

each(
  'text in small pieces, with its limits',
  [{ text: 'Hello there, world.', delta: 2, headers: { 'retry-after': '3' } }],
  async (s) => {
    const turn = await turned(s)
    assert.equal(turn.text, 'Hello there, world.')
    assert.equal(turn.stop, 'end')
    assert.equal(s.purse.ends[0]?.limits?.retryAfterMs, 3_000)
    assert.deepEqual(s.purse.how(), ['completed'])
    even(s)
  },
)

each(
  'a tool is used, its result goes back, and what the provider wants back of the first turn too',
  [
    {
      thinking: 'Which file?',
      text: 'I look.',
      uses: [{ name: 'look', input: { file: 'train.cu', line: null } }],
      delta: 3,
    },
    { text: 'Seen.' },
  ],
  async (s, protocol) => {
    const first = await turned(s, { tools: [look] })
    assert.equal(first.stop, 'tools')
    assert.deepEqual(
      first.uses.map(({ name, input }) => ({ name, input })),
      [{ name: 'look', input: { file: 'train.cu', line: null } }],
    )
    const results = first.uses.map(({ id }) => ({ id, text: 'this is it', failed: false }))
    const messages: Request['messages'] = [
      { from: 'user', text: 'Begin.' },
      { from: 'model', turn: first },
      { from: 'tools', results },
    ]
    assert.equal((await turned(s, { tools: [look], messages })).text, 'Seen.')
    const second = s.server.seen[1]
    assert.deepEqual(second?.tools, ['look'])
    assert.equal(second?.last, 'this is it')
    if (protocol === 'messages') assert.match(JSON.stringify(second?.body), /signed-1/)
    if (protocol === 'responses') assert.match(JSON.stringify(second?.body), /sealed-1/)
    even(s)
    if (protocol !== 'chat') assert.ok(s.purse.usage().cacheRead > 0, 'the prefix was read from the cache')
  },
)

const STOPS: Record<Protocol, Stop[]> = {
  messages: ['end', 'tools', 'max-tokens', 'stop-sequence', 'refusal', 'paused', 'context-full'],
  responses: ['end', 'tools', 'max-tokens', 'refusal'],
  chat: ['end', 'tools', 'max-tokens', 'refusal'],
}
for (const protocol of PROTOCOLS)
  for (const stop of STOPS[protocol])
    test(`${protocol}: stop ${stop}`, { timeout: 60_000 }, async () => {
      const uses = stop === 'tools' ? [{ name: 'look', input: { file: 'a', line: 1 } }] : []
      const s = await stage(protocol, [{ text: 'So far.', uses, stop }])
      try {
        const turn = await turned(s, { tools: [look] })
        assert.equal(turn.stop, stop)
        assert.equal(turn.text, 'So far.')
        assert.deepEqual(s.purse.how(), ['completed'])
        even(s)
      } finally {
        await s.close()
      }
    })

each('an answer as JSON of a schema', [{ text: '{"title":"A","risk":null}' }], async (s) => {
  const schema = z.object({ title: z.string().max(10), risk: z.string().nullable() })
  const turn = await turned(s, { answer: { name: 'idea', schema } })
  assert.deepEqual(schema.parse(JSON.parse(turn.text)), { title: 'A', risk: null })
  assert.ok(s.server.seen[0]?.wants !== undefined)
})
