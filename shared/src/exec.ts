// The door to child processes. Every child has its own process group, is killed as a group, and dies with its parent.
import { execFileSync } from 'node:child_process'
import { type Options, type ResultPromise, execa } from 'execa'
import { killGroup } from './group.ts'

let deathSignal: readonly string[] | undefined

/** `setpriv --pdeathsig KILL` where util-linux has it (Linux): the kernel ends the child when the parent is gone, even by SIGKILL. */
function dieWithParent(): readonly string[] {
  if (deathSignal === undefined) {
    try {
      execFileSync('setpriv', ['--pdeathsig', 'KILL', 'true'], { stdio: 'ignore', timeout: 2_000 })
      deathSignal = ['setpriv', '--pdeathsig', 'KILL']
    } catch {
      deathSignal = []
    }
  }
  return deathSignal
}

export interface ChildOptions {
  cwd?: string
  /** The whole environment of the child: nothing is inherited but PATH, HOME, LANG and TMPDIR. */
  env?: Record<string, string>
  /** Group SIGKILL after this many milliseconds. */
  timeoutMs?: number
  signal?: AbortSignal
  input?: string
  /** false: output is not kept; read it line by line with `lines`. */
  keepOutput?: boolean
}

export type Ended =
  | { how: 'exit'; code: number }
  | { how: 'signal'; signal: string }
  | { how: 'timeout' }
  | { how: 'aborted' }
  | { how: 'not-started'; why: string }

export interface Child {
  readonly pid: number | undefined
  /** stdout and stderr, merged, line by line. Must be read when keepOutput is false. */
  lines(): AsyncIterable<string>
  readonly ended: Promise<{ end: Ended; output: string; stdout: string }>
  /** SIGTERM to the group, SIGKILL after `graceMs`. */
  stop(graceMs?: number): Promise<void>
}

const KEPT = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TMPDIR', 'TERM'] as const
/** The environment every child starts from: no key, no token, no proxy. */
export function cleanEnv(extra: Record<string, string> = {}): Record<string, string> {
  const env: Record<string, string> = {}
  for (const name of KEPT) {
    const v = process.env[name]
    if (v !== undefined) env[name] = v
  }
  return { ...env, ...extra }
}

/** Groups to end when this process does. One listener for all: Node warns of more than ten, and a swarm of eight agents has more children. */
let running: Set<number> | undefined
function leaveNone(pid: number): void {
  if (running === undefined) {
    const all = new Set<number>()
    running = all
    process.once('exit', () => {
      for (const one of all) killGroup(one, 'SIGKILL')
    })
  }
  running.add(pid)
}

export function start(file: string, args: readonly string[], options: ChildOptions = {}): Child {
  const [first, ...rest] = [...dieWithParent(), file, ...args]
  const settings = {
    detached: true,
    cleanup: false,
    reject: false,
    all: true,
    extendEnv: false,
    env: cleanEnv(options.env),
    buffer: options.keepOutput ?? true,
    // A diff without its last newline does not apply.
    stripFinalNewline: false,
    maxBuffer: 8 * 1024 * 1024,
    stdin: options.input === undefined ? 'ignore' : 'pipe',
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.input === undefined ? {} : { input: options.input }),
  } as const satisfies Options
  const child = execa(first as string, rest, settings) as unknown as ResultPromise<{ all: true }>
  let cut: Ended | undefined
  const kill = (end: Ended): void => {
    cut ??= end
    killGroup(child.pid, 'SIGKILL')
  }
  const timer =
    options.timeoutMs === undefined ? undefined : setTimeout(() => kill({ how: 'timeout' }), options.timeoutMs)
  const abort = (): void => kill({ how: 'aborted' })
  options.signal?.addEventListener('abort', abort, { once: true })
  if (options.signal?.aborted) abort()
  const { pid } = child
  if (pid !== undefined) leaveNone(pid)

  const ended = (async () => {
    const r = await child
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', abort)
    if (pid !== undefined) running?.delete(pid)
    killGroup(child.pid, 'SIGKILL') // grandchildren that outlived it
    const output = typeof r.all === 'string' ? r.all : ''
    const stdout = typeof r.stdout === 'string' ? r.stdout : ''
    const end: Ended =
      cut ??
      (child.pid === undefined
        ? { how: 'not-started', why: r.message ?? 'unknown' }
        : r.exitCode !== undefined
          ? { how: 'exit', code: r.exitCode }
          : { how: 'signal', signal: r.signal ?? 'unknown' })
    return { end, output, stdout }
  })()

  return {
    pid: child.pid,
    lines: () => child.iterable({ from: 'all' }) as AsyncIterable<string>,
    ended,
    stop: async (graceMs = 3_000) => {
      killGroup(child.pid, 'SIGTERM')
      const hard = setTimeout(() => kill({ how: 'aborted' }), graceMs)
      await ended
      clearTimeout(hard)
    },
  }
}

/** Runs to the end and gives back what it printed. Throws only when the program could not be started at all. */
export async function run(
  file: string,
  args: readonly string[],
  options: ChildOptions = {},
): Promise<{ code: number; output: string; stdout: string; end: Ended }> {
  const { end, output, stdout } = await start(file, args, options).ended
  if (end.how === 'not-started') throw new Error(`${file} could not be started: ${end.why}`)
  return { code: end.how === 'exit' ? end.code : -1, output, stdout, end }
}

/** One sentence about an end, for people. */
export function describeEnd(end: Ended): string {
  switch (end.how) {
    case 'exit':
      return end.code === 0 ? 'ended well' : `exit code ${end.code}`
    case 'signal':
      return `killed by ${end.signal}`
    case 'timeout':
      return 'ran past its time limit and was killed'
    case 'aborted':
      return 'was stopped'
    case 'not-started':
      return `could not be started: ${end.why}`
  }
}
