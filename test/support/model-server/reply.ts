// What the model server is told to answer, and what it saw: the same words for every protocol it plays.
import type { Usage } from '@swarm/shared/call'
import type { Stop } from '@swarm/shared/model/model'

export type Protocol = 'messages' | 'responses' | 'chat'

/** One answer. Everything may be left out: an empty reply says nothing and ends well. */
export interface Reply {
  text?: string
  thinking?: string
  uses?: { name: string; input: unknown }[]
  /** Without it: `tools` when there are uses, else `end`. */
  stop?: Stop
  /** Instead of the server's own estimate. */
  usage?: Partial<Usage>
  headers?: Record<string, string>
  /** An HTTP error instead of an answer. */
  status?: number
  /** Type, code and message of that error, or of the one in mid-stream. */
  error?: { type?: string; code?: string; message?: string }
  /** The connection breaks after this many events; 0: after the headers. */
  cutAfter?: number
  /** An error event comes after this many events, and then the end. */
  errorAfter?: number
  /** Before the answer begins, and between two events. */
  waitMs?: number
  slowMs?: number
  /** Characters in a delta of text or tool input. */
  delta?: number
  /** Chat: as some compatible servers do it. */
  noRole?: boolean
  noUsage?: boolean
}

/** A request, as it came. */
export interface Seen {
  /** 1 for the first request for an answer. */
  n: number
  protocol: Protocol
  headers: Record<string, string | string[] | undefined>
  body: Record<string, unknown>
  model: string
  /** System prompt; all that is said, in order; the last message, or the results of the last tools. */
  system: string
  said: { role: string; text: string }[]
  last: string
  tools: string[]
  /** The answer must be JSON; the first property of its schema, e.g. `hypotheses` or `lesson`. */
  wants?: string
}

export type Script = Reply[] | ((seen: Seen) => Reply | Promise<Reply>)

/** One event of a stream, and what the client knows of the usage once it has read it. */
export interface Frame {
  text: string
  told?: Usage
}

/** What a protocol makes of a reply. */
export interface Played {
  frames: Frame[]
  /** The same in one piece, for a request without streaming. */
  whole: object
}

/** Text in pieces of `size`. */
export const pieces = (text: string, size: number): string[] =>
  text === ''
    ? []
    : Array.from({ length: Math.ceil(text.length / size) }, (_, i) => text.slice(i * size, (i + 1) * size))

export const stopOf = (reply: Reply): Stop => reply.stop ?? ((reply.uses?.length ?? 0) > 0 ? 'tools' : 'end')

export const sse = (data: object, event?: string): string =>
  `${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`
