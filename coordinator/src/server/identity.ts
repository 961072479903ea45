// A process that cannot be mistaken for a later one with the same number: pid, start time and boot.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

export interface Identity {
  pid: number
  started: string
}

/** Identity of a running process; undefined when there is none (a zombie counts as none). */
export function identityOf(pid: number): Identity | undefined {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
      // The command name in field 2 may hold spaces and brackets: count fields after the last one (proc(5)).
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      if (fields[0] === 'Z' || fields[0] === 'X') return undefined
      const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
      return { pid, started: `${boot}:${fields[19]}` }
    }
    const started = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
    return started === '' ? undefined : { pid, started }
  } catch {
    return undefined
  }
}

export const isRunning = (who: Identity): boolean => identityOf(who.pid)?.started === who.started

/** Ends exactly this process's group: SIGTERM, then SIGKILL after `graceMs`. */
export async function end(who: Identity, graceMs = 3_000): Promise<void> {
  const send = (signal: NodeJS.Signals): void => {
    if (!isRunning(who)) return
    try {
      process.kill(-who.pid, signal)
    } catch {
      try {
        process.kill(who.pid, signal)
      } catch {
        /* gone in between */
      }
    }
  }
  send('SIGTERM')
  for (const deadline = Date.now() + graceMs; Date.now() < deadline && isRunning(who); )
    await new Promise((r) => setTimeout(r, 20))
  send('SIGKILL')
  while (isRunning(who)) await new Promise((r) => setTimeout(r, 20))
}
