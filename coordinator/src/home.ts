// Where things are: the checkout this program runs from, and the state folder that holds everything a swarm keeps.
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/** The checkout: the folder with package.json, shared, coordinator, agent and trainer-native. */
export function checkoutDir(): string {
  return path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..')
}

/** `$SWARM_STATE`, else `.swarm` in the checkout. Always absolute. */
export function stateDir(): string {
  return process.env.SWARM_STATE ? path.resolve(process.env.SWARM_STATE) : path.join(checkoutDir(), '.swarm')
}
