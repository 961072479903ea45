// One set-up of a checkout at a time. The hold is a socket, so the system gives it up with the process that has it.
import { createHash } from 'node:crypto'
import { mkdirSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const listen = (address) =>
  new Promise((done, failed) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error) => (error.code === 'EADDRINUSE' ? done(undefined) : failed(error)))
    server.listen(address, () => {
      server.unref()
      done(server)
    })
  })

const answers = (address) =>
  new Promise((done) => {
    const socket = connect(address)
    socket.once('connect', () => {
      socket.destroy()
      done(true)
    })
    socket.once('error', () => done(false))
  })

/** Waits for its turn; gives back what ends it. `waiting` is called once when somebody else is at it. */
export async function alone(what, waiting) {
  const key = createHash('sha256').update(what).digest('hex').slice(0, 24)
  // Linux: a name without a file. Elsewhere a file, which a killed set-up leaves behind: nobody answers there.
  const address = process.platform === 'linux' ? `\0swarm-set-up-${key}` : join(tmpdir(), `swarm-set-up-${key}`)
  if (process.platform !== 'linux') mkdirSync(tmpdir(), { recursive: true })
  for (let first = true; ; first = false) {
    const server = await listen(address)
    if (server !== undefined) return () => new Promise((done) => server.close(done))
    if (process.platform !== 'linux' && !(await answers(address))) rmSync(address, { force: true })
    if (first) waiting()
    await new Promise((r) => setTimeout(r, 200))
  }
}
