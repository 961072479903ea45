// The configuration of the swarm's own nats-server, and the two passwords it knows.
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdirSync, readFileSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type AskName, ASKS, BUCKET, STEERING, subject } from '@swarm/shared/subjects'
import { canSyncAlways, type Version } from './version.ts'

/** `swarm` may do everything: the coordinator and the CLI on its machine. `agent` may do what agents and onlookers need. */
export type User = 'swarm' | 'agent'

const GIB = 1024 ** 3

/** Password of a user, made on first use; readable by its owner alone. */
export function secret(home: string, user: User): string {
  const folder = join(home, 'secrets')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  const file = join(folder, `nats-${user}`)
  try {
    writeFileSync(file, randomBytes(24).toString('hex'), { flag: 'wx', mode: 0o600 })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
  return readFileSync(file, 'utf8').trim()
}

/**
 * What the user `agent` may publish: questions, results and heartbeats; taking and acknowledging work from consumers the
 * coordinator made; reading LEDGER and the object store. Never facts, never control or steering, never a stream's settings.
 */
const AGENT_PUBLISH = [
  ...asks(),
  'res.>',
  'hb.*',
  '$JS.API.INFO',
  '$JS.API.STREAM.INFO.WORK',
  '$JS.API.CONSUMER.INFO.WORK.*',
  '$JS.API.CONSUMER.MSG.NEXT.WORK.*',
  '$JS.ACK.WORK.>',
  '$JS.ACK.*.*.WORK.>',
  ...['LEDGER', `OBJ_${BUCKET}`].flatMap((stream) => [
    `$JS.API.STREAM.INFO.${stream}`,
    `$JS.API.STREAM.MSG.GET.${stream}`,
    `$JS.API.DIRECT.GET.${stream}`,
    `$JS.API.DIRECT.GET.${stream}.>`,
    `$JS.API.CONSUMER.CREATE.${stream}`,
    `$JS.API.CONSUMER.CREATE.${stream}.>`,
    `$JS.API.CONSUMER.INFO.${stream}.*`,
    `$JS.API.CONSUMER.MSG.NEXT.${stream}.*`,
    `$JS.API.CONSUMER.DELETE.${stream}.*`,
    `$JS.FC.${stream}.>`,
  ]),
]
/** What it may not listen to: questions and results of others, JetStream's own traffic, the coordinator's replies. */
const AGENT_DEAF = [
  'ask.>',
  'res.>',
  'work.>',
  '$JS.>',
  '$SYS.>',
  '$O.>',
  '_INBOX_coordinator.>',
  '_INBOX_swarm.>',
  '_R_.>',
]

function asks(): string[] {
  const forPeople: readonly string[] = STEERING
  return Object.keys(ASKS).flatMap((name) => (forPeople.includes(name) ? [] : subject.ask(name as AskName)))
}

export interface Settings {
  home: string
  name: string
  listen: string
  port: number
  version: Version
}

/** Bytes JetStream may fill: half of what is free now, at most 20 GiB (a full disk wedges the server). */
export function storeLimit(folder: string): number {
  const { bavail, bsize } = statfsSync(folder)
  return Math.max(GIB / 4, Math.min(20 * GIB, Math.floor((bavail * bsize) / 2)))
}

const quoted = (words: readonly string[]): string => words.map((w) => JSON.stringify(w)).join(', ')

/** Writes the configuration (it holds passwords: 0600) and gives back its path. */
export function writeConfig({ home, name, listen, port, version }: Settings): string {
  const store = join(home, 'nats')
  mkdirSync(store, { recursive: true })
  const file = join(home, 'secrets', 'nats.conf')
  const users = [
    `{ user: swarm, password: "${secret(home, 'swarm')}" }`,
    `{ user: agent, password: "${secret(home, 'agent')}", permissions: { publish: { allow: [${quoted(AGENT_PUBLISH)}] }, subscribe: { deny: [${quoted(AGENT_DEAF)}] } } }`,
  ]
  const lines = [
    `server_name: ${JSON.stringify(name)}`,
    `listen: ${JSON.stringify(`${listen}:${port}`)}`,
    'max_payload: 1MB',
    'max_control_line: 4KB',
    'max_pending: 16MB',
    'write_deadline: "5s"',
    'ping_interval: "20s"',
    'ping_max: 3',
    'max_connections: 512',
    'max_subscriptions: 256',
    'jetstream {',
    `  store_dir: ${JSON.stringify(store)}`,
    ...(canSyncAlways(version) ? ['  sync_interval: always'] : []),
    '  max_mem: 256MB',
    `  max_file: ${storeLimit(store)}`,
    '}',
    'authorization { users: [',
    ...users.map((u) => `  ${u}`),
    '] }',
    '',
  ]
  writeFileSync(file, lines.join('\n'), { mode: 0o600 })
  chmodSync(file, 0o600)
  return file
}
