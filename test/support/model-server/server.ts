// A model server of our own, on the loopback: plays the Messages, Responses and Chat Completions protocols from a script, records what
// it was asked, and keeps an exact count of the tokens it told. Two calls in a test:
//
//   const models = await startModelServer([{ uses: [{ name: 'read', input: { file: 'train.cu' } }] }, { text: 'Done.' }])
//   after(() => models.close())
//
// A script is a list (the last reply is given for ever) or a function of the request (`Seen`: its role, its last message, its tools).
// Point the Anthropic SDK at `models.url`, the OpenAI SDK at `models.url + '/v1'`; any key will do. `models.seen` are the requests,
// `models.told` the tokens by model: what a bill would say. By hand: node --import tsx test/support/model-server/main.ts --port 0
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { addUsage, NO_USAGE, type Usage } from '@swarm/shared/call'
import { playChat } from './chat.ts'
import { playMessages } from './messages.ts'
import type { Frame, Played, Protocol, Reply, Script, Seen } from './reply.ts'
import { playResponses } from './responses.ts'
import { cacheable, inputTokens, seenOf, tokensIn } from './seen.ts'

const PATHS: Record<string, Protocol> = {
  '/v1/messages': 'messages',
  '/v1/responses': 'responses',
  '/v1/chat/completions': 'chat',
}
export type Offer = Protocol | 'count_tokens' | 'models'

export interface ModelServer {
  /** http://127.0.0.1:PORT */
  url: string
  seen: Seen[]
  /** By model: requests that were answered with some usage, and the usage that was told in them. */
  told: Map<string, { calls: number; usage: Usage }>
  /** Requests that got no usage: refused with an HTTP error; or begun, and broken off before any was told. */
  refused: number
  untold: number
  /** Requests being answered now, and the most there were at once. */
  open: number
  mostOpen: number
  /** Total of `told` at these USD per million tokens, by class. */
  usd(prices: Record<string, Partial<Usage>>): number
  close(): Promise<void>
}

export async function startModelServer(
  script: Script,
  {
    offers = ['messages', 'responses', 'chat', 'count_tokens', 'models'],
    port = 0,
  }: { offers?: Offer[]; port?: number } = {},
): Promise<ModelServer> {
  const cached = new Set<string>()
  const next = (seen: Seen): Reply | Promise<Reply> =>
    typeof script === 'function' ? script(seen) : (script[Math.min(seen.n, script.length) - 1] ?? {})

  async function answer(protocol: Protocol, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request)
    // Who asks for nothing wants to know what is spoken here.
    if (body.model === undefined) return send(response, 400, errorBody({ status: 400, error: { message: 'no model' } }))
    const seen = seenOf(server.seen.length + 1, protocol, request.headers, body)
    server.seen.push(seen)
    const reply = await next(seen)
    if (reply.waitMs !== undefined) await wait(reply.waitMs)
    if (reply.status !== undefined) {
      server.refused++
      return send(response, reply.status, errorBody(reply), reply.headers)
    }
    const usage = { ...usageOf(seen, reply, cached), ...reply.usage }
    const { frames, whole } = play(protocol, reply, usage, seen)
    if (body.stream === true) await stream(response, frames, reply, (told) => count(seen.model, told))
    else {
      count(seen.model, usage)
      send(response, 200, whole, reply.headers)
    }
  }

  function count(model: string, usage: Usage | undefined): void {
    if (usage === undefined) {
      server.untold++
      return
    }
    const before = server.told.get(model) ?? { calls: 0, usage: NO_USAGE }
    server.told.set(model, { calls: before.calls + 1, usage: addUsage(before.usage, usage) })
  }

  const http = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] as string
    const protocol = PATHS[path]
    if (request.method === 'POST' && path === '/v1/messages/count_tokens' && offers.includes('count_tokens'))
      void bodyOf(request).then((body) =>
        send(response, 200, { input_tokens: inputTokens({ protocol: 'messages', body }) }),
      )
    else if (request.method === 'GET' && path === '/v1/models' && offers.includes('models'))
      send(response, 200, { object: 'list', data: [{ id: 'test', object: 'model', type: 'model' }] })
    else if (request.method === 'POST' && protocol !== undefined && offers.includes(protocol)) {
      server.mostOpen = Math.max(server.mostOpen, ++server.open)
      response.once('close', () => server.open--)
      void answer(protocol, request, response).catch((error: Error) => response.destroy(error))
    } else {
      request.resume()
      send(response, 404, { type: 'error', error: { type: 'not_found_error', message: `no ${path} here` } })
    }
  })
  await new Promise<void>((resolve, reject) => {
    http.once('error', reject)
    http.listen(port, '127.0.0.1', resolve)
  })
  const server: ModelServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    seen: [],
    told: new Map(),
    refused: 0,
    untold: 0,
    open: 0,
    mostOpen: 0,
    usd: (prices) => {
      let sum = 0
      for (const [model, { usage }] of server.told)
        for (const [kind, tokens] of Object.entries(usage))
          sum += (tokens * (prices[model]?.[kind as keyof Usage] ?? 0)) / 1e6
      return sum
    },
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve())
        http.closeAllConnections()
      }),
  }
  return server
}

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const text = Buffer.concat(chunks).toString()
  return text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
}

/** Four characters a token; what the request asks to cache is written once and read from then on. */
function usageOf(seen: Seen, reply: Reply, cached: Set<string>): Usage {
  const all = inputTokens(seen)
  const reasoning = reply.thinking === undefined ? 0 : tokensIn(reply.thinking)
  const output = Math.max(1, tokensIn([reply.text ?? '', reply.uses ?? []])) + reasoning
  const parts = cacheable(seen)
  const asked = parts.at(-1)?.tokens ?? 0
  const cacheRead = parts.findLast(({ key }) => cached.has(key))?.tokens ?? 0
  for (const { key } of parts) cached.add(key)
  return { input: all - asked, cacheRead, cacheWrite: asked - cacheRead, cacheWriteLong: 0, output, reasoning }
}

function play(protocol: Protocol, reply: Reply, usage: Usage, { n, model, body }: Seen): Played {
  if (protocol === 'messages') return playMessages(reply, usage, { n, model })
  if (protocol === 'responses') return playResponses(reply, usage, { n, model })
  const wantsUsage = (body.stream_options as { include_usage?: boolean } | undefined)?.include_usage === true
  return playChat(reply, usage, { n, model, wantsUsage })
}

const errorBody = ({ status = 0, error = {} }: Reply): object => ({
  type: 'error',
  error: {
    type: error.type ?? (status === 429 ? 'rate_limit_error' : status === 529 ? 'overloaded_error' : 'api_error'),
    ...(error.code === undefined ? {} : { code: error.code }),
    message: error.message ?? `told to answer ${status}`,
  },
})

function send(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

/** Writes the events; `counted` learns what the client was told by the time it ended, however it ended. */
async function stream(
  response: ServerResponse,
  frames: readonly Frame[],
  reply: Reply,
  counted: (told: Usage | undefined) => void,
): Promise<void> {
  const { slowMs, cutAfter, errorAfter } = reply
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache', ...reply.headers })
  response.flushHeaders()
  let told: Usage | undefined
  for (const [i, frame] of frames.entries()) {
    if (i === cutAfter || i === errorAfter || response.destroyed) break
    if (slowMs !== undefined && i > 0) await wait(slowMs)
    if (response.destroyed) break
    await new Promise((done) => response.write(frame.text, done))
    told = frame.told ?? told
  }
  counted(told)
  if (errorAfter !== undefined) {
    const error = { type: 'overloaded_error', message: 'told to fail in mid-stream', ...reply.error }
    response.write(
      `event: error\ndata: ${JSON.stringify({ type: 'error', error, message: error.message, code: error.code ?? null })}\n\n`,
    )
  }
  // The end of the connection without the end of the answer: what was written still arrives.
  if (cutAfter !== undefined) response.socket?.end()
  else response.end()
}
