// A look at whatever listens at an address: NATS greets every connection with one INFO line.
import { connect, createServer } from 'node:net'
import { parseVersion, type Version } from './version.ts'

export interface Greeting {
  name: string
  version: Version
  jetstream: boolean
}

/** The greeting, or undefined when nothing that speaks NATS answers in time. */
export function greeting(host: string, port: number, timeoutMs = 1_000): Promise<Greeting | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    let text = ''
    const done = (value: Greeting | undefined): void => {
      socket.destroy()
      resolve(value)
    }
    socket.setTimeout(timeoutMs, () => done(undefined))
    socket.on('error', () => done(undefined))
    socket.on('end', () => done(undefined))
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8')
      const line = /^INFO (\{.*\})\s*\r?\n/.exec(text)?.[1]
      if (line === undefined) return text.length > 64 * 1024 ? done(undefined) : undefined
      const info = JSON.parse(line) as { server_name?: string; version?: string; jetstream?: boolean }
      const version = parseVersion(info.version ?? '')
      done(
        version === undefined
          ? undefined
          : { name: info.server_name ?? '', version, jetstream: info.jetstream === true },
      )
    })
  })
}

/** Is this port free to listen on? Port 0 asks the system for one. Gives the port, or undefined. */
export function freePort(host: string, port = 0): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(undefined))
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : undefined))
    })
  })
}
