// Keeping a child process alive: started in its own group, started again when it dies, given up on when it only ever dies.
import { type Child, describeEnd, start } from '@swarm/shared/exec'
import { type Identity, identityOf } from './server/identity.ts'

/** It dies again and again right after its start; the message carries its last words. */
export class CrashLoop extends Error {
  override name = 'CrashLoop'
}

/** It ended with the code that says: starting it again will not help, a person has to look. The message is the reason it gave. */
export class GaveUp extends Error {
  override name = 'GaveUp'
}

export interface Part {
  name: string
  file: string
  args: readonly string[]
  cwd: string
  env?: Record<string, string>
  /** Where it logs, for the message when it cannot live. */
  log: string
  /** Exit code with which it gives up for good. */
  givesUpWith?: number
  /** Exit code with which it says that a cap is reached. */
  spentWith?: number
  /** A good end is no end for this one while this says so: started again as well, unless stopped within `RETURN_MS`. */
  returns?: () => boolean
}

export interface Watching {
  line?: (line: string) => void
  started?: (who: Identity) => void
  /** It died and will be started again in `delayMs`. */
  died?: (how: string, delayMs: number) => void
}

export interface Kept {
  readonly name: string
  /** Settles when it ended with code 0, came to a cap or was stopped; rejects with CrashLoop or GaveUp. */
  readonly done: Promise<'finished' | 'spent' | 'stopped'>
  identity(): Identity | undefined
  stop(graceMs: number): Promise<void>
}

/** A life shorter than this was no life, ms. */
const SHORT_LIFE = 10_000
const MAX_SHORT_LIVES = 6
const LAST_WORDS = 12
/** Agents end well when the run is over, a moment before the coordinator does; who is alone then comes back, ms. */
const RETURN_MS = 3_000

/** 0.2 s, doubling to 10 s; a life of more than `SHORT_LIFE` starts the count again. */
export const delayAfter = (shortLives: number): number => Math.min(200 * 2 ** shortLives, 10_000)

export function keepRunning(part: Part, watching: Watching = {}): Kept {
  let child: Child | undefined
  let who: Identity | undefined
  let wake: (() => void) | undefined
  let stopping = false

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  async function live(): Promise<'finished' | 'spent' | 'stopped'> {
    for (let shortLives = 0; ; ) {
      const born = Date.now()
      const words: string[] = []
      child = start(part.file, part.args, { cwd: part.cwd, env: part.env ?? {}, keepOutput: false })
      who = child.pid === undefined ? undefined : identityOf(child.pid)
      if (who !== undefined) watching.started?.(who)
      const reading = readLines(child, (line) => {
        words.push(line)
        if (words.length > LAST_WORDS) words.shift()
        watching.line?.(line)
      })
      const { end } = await child.ended
      await reading
      who = undefined
      if (stopping) return 'stopped'
      if (end.how === 'exit' && end.code === part.givesUpWith)
        throw new GaveUp(reasonIn(words) ?? `${part.name} gave up. Its log: ${part.log}`)
      if (end.how === 'exit' && end.code === part.spentWith) return 'spent'
      const well = end.how === 'exit' && end.code === 0
      if (well && part.returns?.() !== true) return 'finished'
      if (well) await pause(RETURN_MS)
      if (stopping) return 'stopped'
      shortLives = Date.now() - born < SHORT_LIFE ? shortLives + 1 : 1
      if (shortLives >= MAX_SHORT_LIVES || end.how === 'not-started')
        throw new CrashLoop(
          `${part.name} does not stay up: ${describeEnd(end)}, ${shortLives} times in a row.\n${lastWords(words)}Its log: ${part.log}`,
        )
      watching.died?.(describeEnd(end), delayAfter(shortLives - 1))
      await pause(delayAfter(shortLives - 1))
      if (stopping) return 'stopped'
    }
  }

  return {
    name: part.name,
    done: live(),
    identity: () => who,
    stop: async (graceMs) => {
      stopping = true
      wake?.()
      await child?.stop(graceMs)
    },
  }
}

async function readLines(child: Child, see: (line: string) => void): Promise<void> {
  try {
    for await (const line of child.lines()) see(line)
  } catch {
    /* the stream breaks when the group is killed; the end is reported by `ended` */
  }
}

function lastWords(words: readonly string[]): string {
  return words.length === 0 ? '' : `Its last words:\n${words.map((w) => `  ${w}`).join('\n')}\n`
}

/** Its last line of prose, without its own name in front; JSON lines are for us. */
function reasonIn(words: readonly string[]): string | undefined {
  const prose = words.findLast((line) => line.trim() !== '' && !line.startsWith('{'))
  return prose?.replace(/^[a-z-]+: /, '').trim()
}
