// The outbox: a result is on disk before it is sent, and taken out when the hub has it. Sending twice is harmless: the
// hub drops the second by its id, and the ledger takes one result an experiment for ever.
import { mkdirSync } from 'node:fs'
import { open, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bus } from '@swarm/shared/bus'
import { Result } from '@swarm/shared/result'
import { subject } from '@swarm/shared/subjects'
import { z } from 'zod'
import { Backoff } from './waiting.ts'

const Kept = z.strictObject({ result: Result, /** Subject that takes the work off the queue. */ ack: z.string() })
export type Kept = z.infer<typeof Kept>

export class Outbox {
  constructor(
    private readonly bus: Bus,
    private readonly dir: string,
  ) {
    mkdirSync(dir, { recursive: true })
  }

  /** Makes the result safe from crash and power loss: written, synced, renamed, folder synced. */
  async keep(kept: Kept): Promise<void> {
    const file = this.#file(kept)
    try {
      const handle = await open(`${file}.new`, 'w')
      try {
        await handle.writeFile(JSON.stringify(Kept.parse(kept)))
        await handle.sync()
      } finally {
        await handle.close()
      }
      await rename(`${file}.new`, file)
      const folder = await open(this.dir, 'r')
      try {
        await folder.sync()
      } finally {
        await folder.close()
      }
    } catch (error) {
      // A full disk must not cost a result that the hub may still take.
      this.bus.log(
        `outbox: ${kept.result.experiment} is not on disk: ${(error as Error).message}. Free some space; the result is sent all the same.`,
      )
    }
  }

  /** Publishes, waits for the hub's word, acknowledges the work, forgets. Tries again until it works or the agent leaves. */
  async send(kept: Kept, leaving: AbortSignal): Promise<'sent' | 'kept'> {
    const { result } = kept
    const backoff = new Backoff(250, 15_000)
    while (!leaving.aborted) {
      try {
        await this.bus.js.publish(subject.result(result.agent, result.experiment), JSON.stringify(result), {
          msgID: `${result.experiment}:${result.fence}`,
          timeout: 5_000,
        })
        await this.#acknowledge(kept.ack)
        await rm(this.#file(kept), { force: true })
        return 'sent'
      } catch (error) {
        this.bus.log(`outbox: ${result.experiment} not sent yet: ${(error as Error).message}`)
        await backoff.wait(leaving)
      }
    }
    return 'kept'
  }

  /** Unconfirmed is good enough: the message then comes again, is seen to be recorded and is dropped. */
  async #acknowledge(ack: string): Promise<void> {
    await this.bus.nc.request(ack, '+ACK', { timeout: 2_000 }).catch(() => {})
  }

  /** Sends what an earlier life left behind, oldest first. A file that is no result is set aside, not deleted. */
  async sendAll(leaving: AbortSignal): Promise<number> {
    let sent = 0
    for (const name of (await readdir(this.dir)).filter((n) => n.endsWith('.json')).sort()) {
      const file = join(this.dir, name)
      let kept: Kept
      try {
        kept = Kept.parse(JSON.parse(await readFile(file, 'utf8')))
      } catch (error) {
        this.bus.log(
          `outbox: ${name} is not a result, set aside as ${name}.damaged: ${(error as Error).message.slice(0, 200)}`,
        )
        await rename(file, `${file}.damaged`)
        continue
      }
      if ((await this.send(kept, leaving)) === 'sent') sent++
    }
    return sent
  }

  #file({ result }: Kept): string {
    return join(this.dir, `${result.experiment}-${result.fence}.json`)
  }
}
