// A home of a swarm for tests: real nats-server, a checkout with a recipe, a data set, and the coordinator as the process it is.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { git } from '@swarm/shared/git'
import { commitAll, sha256 } from './checkout.ts'
import { type Nats, startNats } from './nats.ts'

const ROOT = new URL('../..', import.meta.url).pathname
export const EDITABLE = 'trainer-native/experiment/'

export interface Ready {
  run: number
  seq: number
  pid: number
}

export interface CoordinatorProcess {
  pid: number
  ready: Promise<Ready>
  ended: Promise<number | string>
  stderr(): string
  /** What it told people. */
  notes(): string[]
  kill(signal: NodeJS.Signals): void
}

export interface Home extends Nats {
  checkout: string
  head: string
  data: string
  frozen: string
  manifest: string
  /** Starts the coordinator with these arguments besides where everything is. */
  coordinator(...args: string[]): CoordinatorProcess
  /** The same, to die at a moment of coordinator/src/crash.ts. */
  doomed(moment: string, ...args: string[]): CoordinatorProcess
}

/** Nothing is trained here: frozen sources and data set are a line of text each. */
export async function openHome(recipe: string): Promise<Home> {
  const nats = await startNats('onlooker')
  const checkout = join(nats.dir, 'checkout')
  const data = join(nats.dir, 'data')
  mkdirSync(join(checkout, EDITABLE), { recursive: true })
  mkdirSync(join(checkout, 'trainer-native/build'), { recursive: true })
  mkdirSync(data)
  writeFileSync(join(checkout, EDITABLE, 'train.cu'), recipe)
  writeFileSync(join(checkout, 'trainer-native/Makefile'), 'all:\n')
  writeFileSync(join(checkout, '.gitignore'), 'trainer-native/build/\n')
  writeFileSync(join(checkout, 'program.md'), '---\nbudget: work:1s\nnoise: 0.003\n---\nMake the bowl smaller.\n')
  const frozen = sha256('frozen')
  writeFileSync(join(checkout, 'trainer-native/build/frozen.sha256'), `${frozen}\n`)
  await git(checkout, ['init', '-q', '-b', 'main'])
  const head = await commitAll(checkout, 'Start')
  const text = { sha256: sha256('text'), bytes: 4 }
  for (const name of ['val.bin', 'hidden.bin']) writeFileSync(join(data, name), 'text')
  const manifest = JSON.stringify({ version: 1, files: { 'val.bin': text, 'hidden.bin': text } })
  writeFileSync(join(data, 'manifest.json'), manifest)
  const processes: CoordinatorProcess[] = []
  let closed = false
  const begin = (args: string[], env: Record<string, string> = {}): CoordinatorProcess => {
    // A test that failed may still have a supervisor, which would start the killed ones again for ever.
    if (closed) throw new Error('this home is closed')
    const started = startCoordinator(nats, checkout, data, args, env)
    processes.push(started)
    return started
  }
  return {
    ...nats,
    checkout,
    head,
    data,
    frozen,
    manifest: sha256(manifest),
    coordinator: (...args) => begin(args),
    doomed: (moment, ...args) => begin(args, { SWARM_CRASH_AT: moment }),
    close: async () => {
      closed = true
      for (const p of processes) p.kill('SIGKILL')
      await Promise.all(processes.map((p) => p.ended))
      await nats.close()
    },
  }
}

function startCoordinator(
  nats: Nats,
  checkout: string,
  data: string,
  more: string[],
  env: Record<string, string>,
): CoordinatorProcess {
  const where = { home: nats.home, url: nats.server.url, program: join(checkout, 'program.md'), data, checkout }
  const args = [
    '--import',
    'tsx',
    'coordinator/src/main.ts',
    ...Object.entries(where).flatMap(([k, v]) => [`--${k}`, v]),
  ]
  const child: ChildProcess = spawn(process.execPath, [...args, ...more], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  })
  let stderr = ''
  child.stderr?.on('data', (d: Buffer) => {
    stderr += d.toString()
  })
  const ended = new Promise<number | string>((done) =>
    child.once('exit', (code, signal) => done(code ?? signal ?? 'unknown')),
  )
  const notes: string[] = []
  const ready = new Promise<Ready>((resolve, reject) => {
    if (child.stdout !== null)
      createInterface({ input: child.stdout }).on('line', (line) => {
        const said = JSON.parse(line) as Partial<Ready> & { ready?: true; note?: string }
        if (said.note !== undefined) notes.push(said.note)
        if (said.ready) resolve(said as Ready)
      })
    void ended.then((how) => reject(new Error(`the coordinator ended (${how}) before it was ready: ${stderr}`)))
  })
  ready.catch(() => {}) // a test that kills it does not wait for it
  return {
    pid: child.pid ?? -1,
    ready,
    ended,
    stderr: () => stderr,
    notes: () => notes,
    kill: (signal) => void child.kill(signal),
  }
}
