// One coordinator a home: a name the kernel holds while the process lives, so that even SIGKILL leaves nothing to clean up.
import { createHash } from 'node:crypto'
import { realpathSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Another coordinator is at work in this home. */
export class HomeHeld extends Error {
  override name = 'HomeHeld'
}

/** Linux has socket names outside the file system, which vanish with their process; elsewhere it is a socket file. */
function socketName(home: string): string {
  const name = `swarm-${createHash('sha256').update(realpathSync(home)).digest('hex').slice(0, 24)}`
  return process.platform === 'linux' ? `\0${name}` : path.join(tmpdir(), `${name}.sock`)
}

export async function holdHome(home: string): Promise<Server> {
  const name = socketName(home)
  const held = await listen(name)
  if (held !== undefined) return held
  if (!name.startsWith('\0') && !(await answers(name))) {
    rmSync(name, { force: true })
    const second = await listen(name)
    if (second !== undefined) return second
  }
  throw new HomeHeld(
    `another coordinator is at work in ${home}. See it with: swarm status --home ${home}; stop it with: swarm down --home ${home}`,
  )
}

function listen(name: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.end())
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    )
    server.listen(name, () => {
      server.unref()
      resolve(server)
    })
  })
}

function answers(name: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(name)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
