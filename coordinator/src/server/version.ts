// What a nats-server can promise, by its version.

export interface Version {
  major: number
  minor: number
  patch: number
}

/** Below this a server may lose a stream when it is killed (Jepsen, NATS 2.12.1 analysis: fixed in 2.10.23). */
export const FLOOR: Version = { major: 2, minor: 10, patch: 23 }

/** Reads `nats-server: v2.10.27`, `2.15.1`, `v2.12.0-RC.1`. */
export function parseVersion(text: string): Version | undefined {
  const m = /\bv?(\d+)\.(\d+)\.(\d+)/.exec(text)
  return m === null ? undefined : { major: Number(m[1]), minor: Number(m[2]), patch: Number(m[3]) }
}

export function isBelow(a: Version, b: Version): boolean {
  if (a.major !== b.major) return a.major < b.major
  if (a.minor !== b.minor) return a.minor < b.minor
  return a.patch < b.patch
}

export const versionText = (v: Version): string => `${v.major}.${v.minor}.${v.patch}`

/** `sync_interval: always` (fsync before the acknowledgement) is known from 2.10.0 on; before, the server refuses the word. */
export const canSyncAlways = (v: Version): boolean => !isBelow(v, { major: 2, minor: 10, patch: 0 })

/** What this version cannot do, as one sentence; undefined when it can do all we ask. */
export function degradation(v: Version): string | undefined {
  if (!isBelow(v, FLOOR)) return undefined
  const cannot = canSyncAlways(v)
    ? ['it may lose a whole stream when it is killed']
    : [
        'no "sync_interval: always", so a power failure can lose every acknowledged fact',
        'no message TTL',
        'no consumer with several filters',
        'no new writes after a full disk until it is restarted',
      ]
  return `degraded durability: nats-server ${versionText(v)} is below ${versionText(FLOOR)}: ${cannot.join('; ')}`
}
