// A real nats-server with the swarm's streams, in a home of its own.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Server, startServer } from '@swarm/coordinator/server'
import { ensureStreams } from '@swarm/coordinator/streams'
import { type Bus, openBus } from '@swarm/shared/bus'

export interface Nats {
  dir: string
  home: string
  server: Server
  bus: Bus
  /** Stops the server and removes `dir`, unless KEEP is set. */
  close(): Promise<void>
}

/** Starts one below a new temporary `dir`; `name` is what the connection calls itself. */
export async function startNats(name = 'coordinator'): Promise<Nats> {
  const dir = mkdtempSync(join(tmpdir(), 'swarm-nats-'))
  const home = join(dir, 'home')
  const server = await startServer({ home, log: () => {} })
  const bus = await openBus({ url: server.url, name })
  await ensureStreams(bus)
  return {
    dir,
    home,
    server,
    bus,
    close: async () => {
      await bus.close()
      await server.stop()
      if (!process.env.KEEP) rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
