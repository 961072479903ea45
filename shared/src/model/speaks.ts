// Which protocol a server speaks: asked once with an empty request, which no server answers with a model, so that it costs nothing.
export const PROTOCOLS = { responses: '/responses', chat: '/chat/completions', messages: '/messages' } as const
export type Protocol = keyof typeof PROTOCOLS

export type Speaks = { protocols: Protocol[] } | { silent: string }

/** `baseUrl` with /v1, as the OpenAI SDK has it; for Anthropic's, append it. A path that is not there answers 404, 405 or 501. */
export async function speaks(baseUrl: string, key: string | undefined, signal: AbortSignal): Promise<Speaks> {
  const base = baseUrl.replace(/\/+$/, '')
  const found = await Promise.all(
    Object.entries(PROTOCOLS).map(async ([protocol, path]) => {
      const response = await fetch(`${base}${path}`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(key === undefined ? {} : { authorization: `Bearer ${key}`, 'x-api-key': key }),
        },
        body: '{}',
        signal: AbortSignal.any([signal, AbortSignal.timeout(15_000)]),
      })
      await response.body?.cancel()
      return [404, 405, 501].includes(response.status) ? undefined : (protocol as Protocol)
    }),
  ).catch((error: Error) => error)
  if (found instanceof Error) {
    const { cause } = found as { cause?: Error }
    return { silent: `${base} does not answer: ${cause?.message || found.message}` }
  }
  return { protocols: found.filter((protocol) => protocol !== undefined) }
}
