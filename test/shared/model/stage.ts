// A model of each protocol on the loopback server, and a purse that keeps what it is told.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tokensOf } from '@swarm/shared/call'
import { AnthropicWire } from '@swarm/shared/model/anthropic'
import { Metered } from '@swarm/shared/model/metered'
import { isTurn, type Request, tool, type Turn } from '@swarm/shared/model/model'
import { OpenAiWire } from '@swarm/shared/model/openai'
import type { Wire } from '@swarm/shared/model/wire'
import { z } from 'zod'
import { type Counted, countedPurse } from '../../support/model-server/counted.ts'
import type { Protocol, Script } from '../../support/model-server/reply.ts'
import { type ModelServer, type Offer, startModelServer } from '../../support/model-server/server.ts'

export const PROTOCOLS: Protocol[] = ['messages', 'responses', 'chat']
export const QUICK = { firstMs: 5, mostMs: 20 }
export const idle = new AbortController().signal

export const look = tool({
  name: 'look',
  description: 'Looks at a file.',
  input: z.object({ file: z.string().max(40), line: z.number().int().nullable() }),
  run: async ({ file }) => `this is ${file}`,
})
export const request = (rest: Partial<Request> = {}): Request => ({
  purpose: { by: 'a1', role: 'author', hypothesis: { id: 'h0001', title: 'Try it' }, experiment: 'e0001' },
  system: 'You are careful. '.repeat(40),
  messages: [{ from: 'user', text: 'Begin.' }],
  maxTokens: 900,
  ...rest,
})

export interface Stage {
  server: ModelServer
  purse: Counted
  model: Metered
  log: string[]
  close(): Promise<void>
}

export const wireOf = (protocol: Protocol, url: string, silenceMs?: number): Wire => {
  const at = { key: 'sk-test-0123456789', ...(silenceMs === undefined ? {} : { silenceMs }) }
  return protocol === 'messages'
    ? new AnthropicWire('test', { ...at, baseUrl: url })
    : new OpenAiWire('test', { ...at, baseUrl: `${url}/v1` })
}

export async function stage(protocol: Protocol, script: Script, silenceMs?: number): Promise<Stage> {
  const offers: Offer[] = [protocol, 'count_tokens']
  const server = await startModelServer(script, { offers })
  const purse = countedPurse()
  const log: string[] = []
  const model = new Metered(wireOf(protocol, server.url, silenceMs), purse, (line) => log.push(line), QUICK)
  return { server, purse, model, log, close: () => server.close() }
}

/** Runs one script with each protocol. */
export function each(name: string, script: Script, check: (s: Stage, p: Protocol) => Promise<void>): void {
  for (const protocol of PROTOCOLS)
    test(`${protocol}: ${name}`, { timeout: 60_000 }, async () => {
      const s = await stage(protocol, script)
      try {
        await check(s, protocol)
      } finally {
        await s.close()
      }
    })
}

export async function turned(s: Stage, rest: Partial<Request> = {}): Promise<Turn> {
  const made = await s.model.turn(request(rest), idle)
  assert.ok(isTurn(made), JSON.stringify(made))
  return made
}

/** The purse and the server agree to the token. */
export function even({ server, purse }: Stage): void {
  assert.deepEqual(purse.usage(), server.told.get('test')?.usage)
  assert.equal(purse.calls.length, server.seen.length, 'each request was reserved')
  assert.equal(purse.ends.length, purse.calls.length, 'each call was settled')
  for (const { id, usage } of purse.ends) {
    const { upTo } = purse.calls.find((c) => c.id === id) as (typeof purse.calls)[number]
    assert.ok(tokensOf({ ...usage, output: 0 }) <= upTo.input, 'the reservation held its input')
  }
}
