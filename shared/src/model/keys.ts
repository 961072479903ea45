// Keys of providers: from the environment, or from a file only its owner can read. Taken once, and gone from the environment then.
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** There is no key where one is needed, or its file is open to others; the message says what to do. */
export class KeyMissing extends Error {
  override name = 'KeyMissing'
}

const VARIABLES = {
  anthropic: ['ANTHROPIC_API_KEY'],
  openai: ['OPENAI_API_KEY'],
  claude: ['ANTHROPIC_API_KEY', 'CLAUDE_CODE_OAUTH_TOKEN'],
  codex: ['CODEX_API_KEY', 'OPENAI_API_KEY'],
} as const
export type KeyOf = keyof typeof VARIABLES
const FILES: Record<KeyOf, string> = { anthropic: 'anthropic', openai: 'openai', claude: 'anthropic', codex: 'openai' }

/** Every variable that can hold a key. */
export const KEY_VARIABLES: readonly string[] = [...new Set(Object.values(VARIABLES).flat())]

const live = new Set<string>()

export interface Key {
  /** The variable it came from, or would have come from. */
  variable: string
  value: string
}

/**
 * The provider's key: `$ANTHROPIC_API_KEY` (and the like), else the file `anthropic` (`openai`) in `$SWARM_KEYS`, else in ~/.config/swarm/keys. Undefined when
 * there is none. Taking removes it from this process's environment, so that nothing started later inherits it.
 */
export function takeKey(provider: KeyOf, env: NodeJS.ProcessEnv = process.env): Key | undefined {
  const found = VARIABLES[provider].find((name) => env[name] !== undefined && env[name] !== '')
  const value = found === undefined ? fromFile(keyFile(provider, env)) : env[found]
  if (value === undefined) return undefined
  live.add(value)
  for (const name of VARIABLES[provider]) {
    if (env[name] !== undefined) live.add(env[name])
    delete env[name]
  }
  return { variable: found ?? VARIABLES[provider][0], value }
}

/** Is there one? Takes nothing. */
export function hasKey(provider: KeyOf, env: NodeJS.ProcessEnv = process.env): boolean {
  return VARIABLES[provider].some((name) => (env[name] ?? '') !== '') || fromFile(keyFile(provider, env)) !== undefined
}

export function needKey(provider: KeyOf, env: NodeJS.ProcessEnv = process.env): Key {
  const key = takeKey(provider, env)
  if (key !== undefined) return key
  throw new KeyMissing(
    `no key for ${provider}: set ${VARIABLES[provider].join(' or ')}, or write it to ${keyFile(provider, env)} (chmod 600)`,
  )
}

export const keyFile = (provider: KeyOf, env: NodeJS.ProcessEnv = process.env): string =>
  join(env.SWARM_KEYS ?? join(env.XDG_CONFIG_HOME ?? join(homedir(), '.config'), 'swarm', 'keys'), FILES[provider])

function fromFile(file: string): string | undefined {
  let fd: number
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw new KeyMissing(`${file} cannot be read: ${(error as Error).message}`)
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile() || (stat.mode & 0o077) !== 0)
      throw new KeyMissing(`${file} can be read by others; make it yours alone: chmod 600 ${file}`)
    const value = readFileSync(fd, 'utf8').trim()
    return value === '' ? undefined : value
  } finally {
    closeSync(fd)
  }
}

/** Every key this process has taken is blotted out of the text. */
export function redact(text: string): string {
  let safe = text
  for (const key of live) if (key.length >= 6) safe = safe.replaceAll(key, '[key]')
  return safe
}
