// Commands we print, as they have to be typed here: copied, they work.
import path from 'node:path'
import { checkoutDir, stateDir } from '../home.ts'

/** `swarm` when it was called so, `npm run` when npm called us, else the script itself. */
export function howToType(env: NodeJS.ProcessEnv = process.env, script = process.argv[1] ?? ''): string {
  if (path.basename(script) === 'swarm') return 'swarm'
  if (env.npm_lifecycle_event !== undefined) return 'npm run -s swarm --'
  return `node ${path.relative(process.cwd(), path.join(checkoutDir(), 'bin', 'swarm.mjs'))}`
}

/** A verb on the swarm of `home`. */
export function commandFor(verb: string, home: string): string {
  const [name, ...rest] = verb.split(' ')
  const where = home === path.join(stateDir(), 'home') ? [] : ['--home', home]
  return [howToType(), name, ...where, ...rest].join(' ')
}
