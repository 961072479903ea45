// What a verb can fail with, and the exit code each failure gives. The table stands in the README too.
import { CommanderError } from 'commander'

export const EXIT = { done: 0, failure: 1, usage: 2, doctor: 3, unreachable: 4, budget: 5, forced: 130 } as const

/** A verb could not do its work; the message says what to do next. */
export class Failed extends Error {
  override name = 'Failed'
  constructor(
    message: string,
    readonly exitCode: number = EXIT.failure,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** The command line is well formed, but asks for something that cannot be. */
export class Usage extends Failed {
  override name = 'Usage'
  constructor(message: string) {
    super(message, EXIT.usage)
  }
}

/** Errors whose message is meant for people and stands alone, by name: so nothing heavy is imported to know them. */
const CODES: Record<string, number> = {
  HubUnreachable: EXIT.unreachable,
  ProgramInvalid: EXIT.usage,
  PricesInvalid: EXIT.usage,
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
  if (error instanceof Failed) return error.exitCode
  return error instanceof Error ? (CODES[error.name] ?? EXIT.failure) : EXIT.failure
}

/** One or two sentences for stderr; the chain of causes only on request. */
export function sentence(error: unknown): string {
  if (!(error instanceof Error)) return `swarm: ${String(error)}`
  const cause =
    error.cause instanceof Error && !error.message.includes(error.cause.message) ? ` (${error.cause.message})` : ''
  return `swarm: ${error.message}${cause}`
}
