// The agent's log: JSON lines in a file whose name is known only after joining. Lines from before are kept until then.
import { redact } from '@swarm/shared/model/keys'
import { type Logger, pino } from 'pino'

export class LogFile {
  #logger: Logger | undefined
  #early: string[] = []

  open(file: string, who: Record<string, unknown>): void {
    this.#logger = pino({ level: 'info' }, pino.destination({ dest: file, mkdir: true, sync: true })).child(who)
    for (const line of this.#early) this.#logger.info(line)
    this.#early = []
  }

  write(words: string): void {
    const line = redact(words)
    if (this.#logger === undefined) this.#early.push(line)
    else this.#logger.info(line)
  }

  fail(error: Error): void {
    this.#logger?.error({ err: { type: error.name, message: redact(error.message), stack: redact(error.stack ?? '') } })
  }
}
