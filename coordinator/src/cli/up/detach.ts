// swarm up --detach: the same command without a terminal, in a session of its own, its lines in home/logs/up.log.
import { spawn } from 'node:child_process'
import { mkdirSync, openSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { Failed } from '../failure.ts'
import { data, say } from '../output.ts'
import { running } from '../record.ts'
import { commandFor } from '../typed.ts'
import type { UpOptions } from './options.ts'

/** Set-up may build the trainer and prepare data first. */
const START_MS = 20 * 60_000

export async function detach(options: UpOptions): Promise<void> {
  const { home } = options
  const held = running(home)
  if (held !== undefined)
    throw new Failed(
      `a swarm is already up in ${home}: process ${held.pid}. Stop it with "swarm down", or see it with "swarm watch".`,
    )
  mkdirSync(path.join(home, 'logs'), { recursive: true, mode: 0o700 })
  const log = path.join(home, 'logs', 'up.log')
  const out = openSync(log, 'a', 0o600)
  const from = statSync(log).size
  const args = process.argv.slice(1).filter((arg) => arg !== '--detach' && arg !== '-d')
  const child = spawn(process.execPath, [...process.execArgv, ...args, '--plain'], {
    detached: true,
    stdio: ['ignore', out, out],
  })
  let ended: number | undefined
  child.once('exit', (code) => {
    ended = code ?? 1
  })
  child.once('error', () => {
    ended = 1
  })
  const giveUp = Date.now() + START_MS
  for (let waited = 0; running(home)?.state !== 'running'; waited++) {
    if (ended !== undefined)
      throw new Failed(
        `the swarm did not start. Its last lines (${log}):\n${readFileSync(log, 'utf8').slice(from).trim().split('\n').slice(-12).join('\n')}`,
      )
    if (Date.now() > giveUp)
      throw new Failed(`the swarm is still starting after ${START_MS / 60_000} minutes; see ${log}`)
    if (waited === 20) say('starting; building the trainer and preparing data may take a minute')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  child.unref()
  data(`swarm is up in the background: process ${child.pid}, ${home}`)
  for (const [verb, what] of [
    ['watch', 'the screen'],
    ['log -f', 'every fact as it happens'],
    ['down', 'stop it'],
  ] as const)
    data(`  ${commandFor(verb, home).padEnd(commandFor('log -f', home).length)}   ${what}`)
}
