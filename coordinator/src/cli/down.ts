// swarm down: stops the swarm of a home, from another terminal.
import type { Command } from 'commander'
import { killGroup } from '@swarm/shared/group'
import { isRunning } from '../server/identity.ts'
import { withExamples } from './examples.ts'
import { homeOption } from './options.ts'
import { data } from './output.ts'
import { running } from './record.ts'

/** The supervisor itself needs at most ten. */
const PATIENCE_MS = 15_000

export function register(program: Command): void {
  const verb = program
    .command('down')
    .description('stop the swarm; nothing is lost, "swarm up" goes on from there')
    .addOption(homeOption())
    .action(async ({ home }: { home: string }) => {
      const held = running(home)
      if (held === undefined) return data(`no swarm is up in ${home}`)
      process.kill(held.pid, 'SIGTERM')
      for (const until = Date.now() + PATIENCE_MS; isRunning(held) && Date.now() < until; )
        await new Promise((resolve) => setTimeout(resolve, 50))
      if (!isRunning(held)) return data(`the swarm of ${home} is down`)
      const last = running(home) ?? held
      process.kill(held.pid, 'SIGKILL')
      for (const child of last.children) if (isRunning(child)) killGroup(child.pid, 'SIGKILL')
      data(`the swarm of ${home} did not stop in ${PATIENCE_MS / 1000} s and was killed; "swarm up" goes on from there`)
    })
  withExamples(verb, [
    'swarm down                 the swarm of this checkout',
    'swarm down --home DIR      another one',
  ])
}
