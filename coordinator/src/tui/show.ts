// The two ways to show a swarm, screen and lines, behind one small face.
import type { Bus } from '@swarm/shared/bus'
import { Fold } from './fold.ts'
import { follow } from './follow.ts'
import { bestSoFar, count, Lines } from './lines.ts'
import type { ScreenOptions, ShowOptions } from './options.ts'

export interface Show {
  readonly fold: Fold
  /** A sentence that comes from no fact. */
  note(text: string): void
  close(): Promise<void>
}

/** A screen needs a terminal at both ends, and nobody who records it: under CI and in a dumb terminal lines are better. */
export function wantsScreen(
  options: { plain: boolean },
  env: NodeJS.ProcessEnv = process.env,
  tty = process.stdin.isTTY === true && process.stdout.isTTY === true,
): boolean {
  const ci = env.CI !== undefined && env.CI !== '' && env.CI !== 'false' && env.CI !== '0'
  return tty && !options.plain && !ci && env.TERM !== 'dumb'
}

export function showLines(bus: Bus, options: ShowOptions, write: (line: string) => void): Show {
  const fold = new Fold()
  const lines = new Lines(fold, write, options.ofAgent)
  const following = follow(bus, fold, { since: options.since, event: (event) => lines.see(event) })
  void following.caughtUp.then(() => {
    const before = [...fold.experiments.values()].filter((e) => Date.parse(e.at ?? '') < options.since).length
    if (before > 0) lines.note(`${count(before, 'experiment')} on the board already, ${bestSoFar(fold.view())}`)
  })
  const timer = setInterval(() => lines.tick(), 500)
  return {
    fold,
    note: (text) => lines.note(text),
    close: async () => {
      clearInterval(timer)
      following.stop()
      lines.end()
    },
  }
}

export async function showScreen(bus: Bus, options: ScreenOptions): Promise<Show> {
  // Ink and React read both while they load: no colours where none are wanted, and the build of React that is not twice as slow.
  process.env.NODE_ENV = 'production'
  if (process.env.NO_COLOR !== undefined && process.env.NO_COLOR !== '') process.env.FORCE_COLOR = '0'
  const { openScreen } = await import('./screen.tsx')
  const fold = new Fold()
  const screen = openScreen(fold, options)
  const following = follow(bus, fold, { since: options.since, changed: screen.changed })
  return {
    fold,
    note: screen.note,
    close: async () => {
      following.stop()
      await screen.close()
    },
  }
}
