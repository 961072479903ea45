// The cores this process may use.
import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'

/** Numbers of the cores the kernel lets us run on; a container may hold a part of them only. */
export function allowedCores(): number[] {
  try {
    const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    if (list !== undefined) return expand(list)
  } catch {
    /* not Linux: the count has to do */
  }
  return Array.from({ length: availableParallelism() }, (_, i) => i)
}

/** "0-2,5" → 0 1 2 5 */
export function expand(list: string): number[] {
  return list.split(',').flatMap((part) => {
    const [from, to] = part.split('-').map(Number) as [number, number?]
    return Array.from({ length: (to ?? from) - from + 1 }, (_, i) => from + i)
  })
}
