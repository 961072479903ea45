// OpenAI, and every server that speaks as it does: Responses where there are, else Chat Completions; asked once which.
import OpenAI from 'openai'
import type { Usage } from '../call.ts'
import { chatBody, sendChat } from './chat.ts'
import type { Request } from './model.ts'
import { responsesBody, sendResponses } from './responses.ts'
import { type Protocol, speaks } from './speaks.ts'
import { watch } from './watch.ts'
import { brokenBy, mostTokens, type Sent, type Wire } from './wire.ts'

export class OpenAiWire implements Wire {
  readonly provider = 'openai'
  readonly #client: OpenAI
  readonly #ours: boolean
  #protocol: Protocol | undefined
  /** Models without reasoning refuse to be asked for it sealed. */
  #sealed = true

  constructor(
    readonly name: string,
    private readonly at: { key: string; baseUrl?: string | undefined; silenceMs?: number },
  ) {
    this.#ours = at.baseUrl === undefined
    this.#client = new OpenAI({
      apiKey: at.key,
      maxRetries: 0,
      logLevel: 'off',
      ...(at.baseUrl === undefined ? {} : { baseURL: at.baseUrl }),
    })
  }

  /** The provider counts for nobody beforehand: bytes are more than tokens. */
  size(request: Request): Promise<number> {
    return Promise.resolve(mostTokens(responsesBody(this.name, request, false)))
  }

  async send(request: Request, signal: AbortSignal): Promise<Sent> {
    if (this.#protocol === undefined) {
      const why = await this.#ask(signal)
      if (why !== undefined) return why
    }
    const watched = watch(signal, this.at.silenceMs)
    let begun: { usage?: Usage } | undefined
    const tell = (usage?: Usage): void => {
      watched.heard()
      begun = usage === undefined ? (begun ?? {}) : { usage }
    }
    try {
      return this.#protocol === 'chat'
        ? await sendChat(this.#client, chatBody(this.name, request), watched.signal, tell)
        : await sendResponses(this.#client, responsesBody(this.name, request, this.#sealed), watched.signal, tell)
    } catch (error) {
      const { message, status } = error as { message: string; status?: number }
      if (status === 400 && this.#sealed && /encrypted/i.test(message)) {
        this.#sealed = false
        return { how: 'refused', why: message, again: 0, limits: {} }
      }
      return brokenBy(error as Error, begun, signal.aborted)
    } finally {
      watched.end()
    }
  }

  /** Settles the protocol; or says why not. */
  async #ask(signal: AbortSignal): Promise<Sent | undefined> {
    if (this.#ours) {
      this.#protocol = 'responses'
      return undefined
    }
    const answer = await speaks(this.#client.baseURL, this.at.key, signal)
    if ('silent' in answer) return { how: 'refused', why: answer.silent, again: 'later', limits: {} }
    this.#protocol = (['responses', 'chat'] as const).find((p) => answer.protocols.includes(p))
    if (this.#protocol !== undefined) return undefined
    const why = `${this.#client.baseURL} has neither /responses nor /chat/completions`
    return { how: 'refused', why, none: 'invalid', limits: {} }
  }
}
