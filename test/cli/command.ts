// `swarm` as a process, the way a shell starts it, with a state folder of its own.
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

export const SWARM = path.resolve(import.meta.dirname, '../../bin/swarm.mjs')

export interface Done {
  code: number | null
  stdout: string
  stderr: string
}

export class Command {
  readonly process: ChildProcess
  readonly done: Promise<Done>
  stdout = ''
  stderr = ''

  /** `state`: a state folder of its own, or undefined for the one that holds what the set-up obtained. */
  constructor(
    state: string | undefined,
    args: readonly string[],
    more: { env?: NodeJS.ProcessEnv; cwd?: string; input?: string } = {},
  ) {
    const { CI: _ci, NO_COLOR: _c, npm_lifecycle_event: _n, ...env } = process.env
    this.process = spawn(process.execPath, [SWARM, ...args], {
      cwd: more.cwd,
      env: { ...env, ...(state === undefined ? {} : { SWARM_STATE: state }), ...more.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.process.stdin?.end(more.input ?? '')
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
    })
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.done = new Promise((resolve) =>
      this.process.once('close', (code) => resolve({ code, stdout: this.stdout, stderr: this.stderr })),
    )
  }

  get pid(): number {
    return this.process.pid as number
  }

  /** Waits until stdout has it, and says what was there instead when it never comes. */
  async says(pattern: RegExp, ms = 90_000): Promise<RegExpExecArray> {
    for (const end = Date.now() + ms; ; ) {
      const found = pattern.exec(this.stdout)
      if (found !== null) return found
      if (Date.now() > end || this.process.exitCode !== null)
        throw new Error(`no ${pattern} in:\n${this.stdout}\n${this.stderr}(exit code ${this.process.exitCode})`)
      await pause(50)
    }
  }
}

export const swarm = (
  state: string | undefined,
  args: readonly string[],
  more: { env?: NodeJS.ProcessEnv; cwd?: string; input?: string } = {},
): Promise<Done> => new Command(state, args, more).done

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Every process that has `word` in its command line or environment: who is left of a swarm. This one is not counted. */
export function processesOf(word: string): { pid: number; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      try {
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ')
        const known = command.includes(word) || readFileSync(`/proc/${name}/environ`, 'utf8').includes(word)
        return known && command !== '' ? [{ pid: Number(name), command }] : []
      } catch {
        return []
      }
    })
}

export const jsonLines = <T>(text: string): T[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T)
