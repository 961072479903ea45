// A terminal to look at: tmux with its own server, its own socket, and no configuration.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

export const SWARM = path.resolve(import.meta.dirname, '../../bin/swarm.mjs')

export function has(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

export async function until<T>(what: string, look: () => T | undefined | false, ms = 60_000): Promise<T> {
  for (const end = Date.now() + ms; Date.now() < end; ) {
    const found = look()
    if (found !== undefined && found !== false) return found
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`waited ${ms} ms for ${what}`)
}

export class Tmux {
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'swarm-tmux-'))
  readonly raw = path.join(this.#folder, 'raw')

  /** A shell in `columns`×`rows` in which `command` is typed; every byte it writes goes to `raw` as well. */
  constructor(columns: number, rows: number, command: string, env: Record<string, string> = {}) {
    const shell = `env -u CI -u NO_COLOR ${Object.entries(env)
      .map(([k, v]) => `${k}=${v}`)
      .join(' ')} PS1='$ ' sh`
    this.tmux('-f', '/dev/null', 'new-session', '-d', '-x', String(columns), '-y', String(rows), shell)
    this.tmux('pipe-pane', `cat > ${this.raw}`)
    // What is typed before the shell has set its terminal up is echoed in front of the prompt, and the rows differ.
    this.#prompt()
    this.keys('echo earlier text', 'Enter', command, 'Enter')
  }

  #prompt(): void {
    const pause = new Int32Array(new SharedArrayBuffer(4))
    for (const end = Date.now() + 60_000; Date.now() < end; Atomics.wait(pause, 0, 0, 20))
      if (this.rows()[0]?.startsWith('$')) return
    throw new Error('the shell in the terminal gave no prompt in a minute')
  }

  tmux(...args: string[]): string {
    return execFileSync('tmux', ['-S', path.join(this.#folder, 'socket'), ...args], { encoding: 'utf8' })
  }

  keys(...keys: string[]): void {
    this.tmux('send-keys', ...keys)
  }
  resize(columns: number, rows: number): void {
    this.tmux('resize-window', '-x', String(columns), '-y', String(rows))
  }
  rows(): string[] {
    return this.tmux('capture-pane', '-p').replace(/\n$/, '').split('\n')
  }
  styled(): string {
    return this.tmux('capture-pane', '-p', '-e')
  }
  bytes(): string {
    return readFileSync(this.raw, 'latin1')
  }
  /** Is the alternate buffer on, is the cursor shown. */
  state(): { alternate: string; cursor: string } {
    const [alternate = '', cursor = ''] = this.tmux('display', '-p', '#{alternate_on} #{cursor_flag}').trim().split(' ')
    return { alternate, cursor }
  }

  /** The process in the foreground of the pane: the one child of its shell. */
  child(): number {
    const shell = this.tmux('display', '-p', '#{pane_pid}').trim()
    const [pid] = execFileSync('ps', ['-o', 'pid=', '--ppid', shell], { encoding: 'utf8' })
      .trim()
      .split('\n')
      .map(Number)
    if (pid === undefined || !(pid > 1)) throw new Error(`the shell ${shell} runs nothing`)
    return pid
  }

  close(): void {
    try {
      this.tmux('kill-server')
    } catch {
      /* it has ended by itself */
    }
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
