// What holds the processes of a trainer: an own process namespace where the machine allows one, so that nothing it starts can
// outlive it (a process group alone does not hold a setsid child); elsewhere a mark in the environment to find such children by.
// What it may read, write and call is held by the walls (shared/src/walls.ts), which also let it start no process at all.
import { readdirSync, readFileSync } from 'node:fs'
import { run } from '@swarm/shared/exec'

const MARK = 'SWARM_RUN'
const OPTIONS = ['--pid', '--fork', '--kill-child=KILL'] as const
/** The first process of a namespace ignores signals it has no answer to, even its own abort; so the shell is that one, and the trainer its child. */
const FIRST = ['sh', '-c', '"$@"; exit $?', 'jail'] as const
let prefix: Promise<readonly string[]> | undefined

async function probe(): Promise<readonly string[]> {
  for (const jail of [
    ['unshare', ...OPTIONS],
    ['unshare', '--user', '--map-current-user', ...OPTIONS],
  ]) {
    try {
      const { code } = await run(jail[0] as string, [...jail.slice(1), 'true'], { timeoutMs: 5_000 })
      if (code === 0) return [...jail, ...FIRST]
    } catch {
      break
    }
  }
  return []
}

/** What to put before a command: the kernel then ends everything in it when the first process ends. Looked up once. */
export function jail(): Promise<readonly string[]> {
  prefix ??= probe()
  return prefix
}

/** The environment that marks all processes of one agent. */
export const marked = (mark: string): Record<string, string> => ({ [MARK]: mark })

/** Kills what is still alive with this mark and gives their number. Linux only: elsewhere the process group must do. */
export function sweep(mark: string): number {
  let killed = 0
  const wanted = `${MARK}=${mark}`
  let pids: string[]
  try {
    pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    return 0
  }
  for (const pid of pids) {
    if (Number(pid) === process.pid) continue
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(wanted)) continue
      process.kill(Number(pid), 'SIGKILL')
      killed++
    } catch {
      /* gone, or not ours to see */
    }
  }
  return killed
}
