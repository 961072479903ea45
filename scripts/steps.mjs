// What a checkout needs before it runs, each step with a cheap way to see that nothing is to be done.
// Plain Node: this file runs before any package is there.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { availableParallelism } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))
export const state = process.env.SWARM_STATE ? resolve(process.env.SWARM_STATE) : join(root, '.swarm')

/** A step cannot be done; the message says what to do. */
export class SetUpFailed extends Error {
  name = 'SetUpFailed'
}

/** @param {string} name @returns {string | undefined} */
export function onPath(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, name)
    try {
      accessSync(file, constants.X_OK)
      if (folder !== '' && statSync(file).isFile()) return file
    } catch {
      // not in this folder
    }
  }
  return undefined
}

/** Runs to the end; what it printed is shown only when it fails. */
export function run(file, args, { env = process.env } = {}) {
  return new Promise((done, failed) => {
    const child = spawn(file, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += chunk))
    child.on('error', (cause) => failed(new SetUpFailed(`${file} could not be started: ${cause.message}`, { cause })))
    child.on('close', (code, signal) =>
      code === 0
        ? done(output)
        : failed(
            new SetUpFailed(
              `${file} ${args.join(' ')} ended with ${signal ?? code}:\n${output.trim().split('\n').slice(-30).join('\n')}`,
            ),
          ),
    )
  })
}

const debian = onPath('apt-get') !== undefined
const get = (packages, mac) =>
  process.platform === 'darwin'
    ? mac
    : debian
      ? `sudo apt-get install ${packages}`
      : `install ${packages} with your package manager`

/** The compiler make will use: $CXX, else g++, else clang++. */
export const compiler = () => (process.env.CXX ? onPath(process.env.CXX) : (onPath('g++') ?? onPath('clang++')))

function checkMachine() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const missing = []
  if (major < 20 || (major === 20 && minor < 19))
    missing.push(
      `Node ${process.versions.node} is too old: 20.19 or newer is needed. Get it from nodejs.org, or: ${process.platform === 'darwin' ? 'brew install node' : 'nvm install 20'}`,
    )
  if (!onPath('git')) missing.push(`git is missing. ${get('git', 'xcode-select --install')}`)
  if (!compiler())
    missing.push(`a C++ compiler is missing (g++ 11 or clang 14, or newer). ${get('g++', 'xcode-select --install')}`)
  if (!onPath('make')) missing.push(`make is missing. ${get('make', 'xcode-select --install')}`)
  if (missing.length > 0) throw new SetUpFailed(missing.join('\n'))
}

/** One hash over parts; equal means nothing changed since the stamp was written. */
const hashOf = (parts) => createHash('sha256').update(parts.join('\0')).digest('hex')
const readOr = (file, otherwise) => (existsSync(file) ? readFileSync(file, 'utf8') : otherwise)

const installStamp = join(root, 'node_modules', '.set-up')
const manifests = [
  'pnpm-lock.yaml',
  'pnpm-workspace.yaml',
  'package.json',
  ...['shared', 'coordinator', 'agent'].map((room) => join(room, 'package.json')),
]
const installKey = () =>
  hashOf([process.platform, process.arch, root, ...manifests.map((file) => readOr(join(root, file), ''))])

async function installPackages() {
  const pinned = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).packageManager
  const env = { ...process.env, CI: 'true', COREPACK_ENABLE_STRICT: '0' }
  await run('npx', ['--yes', pinned, 'install', '--frozen-lockfile', '--prefer-offline'], { env })
  writeFileSync(installStamp, installKey())
}

const trainer = join(root, 'trainer-native')
const trainerStamp = join(trainer, 'build', '.set-up')

/** Name, size and time of every source, and the compiler: no file is read. */
function trainerKey() {
  const cxx = compiler()
  const parts = cxx === undefined ? [] : [realpathSync(cxx), String(statSync(realpathSync(cxx)).mtimeMs)]
  const walk = (folder) => {
    for (const entry of readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const file = join(folder, entry.name)
      if (entry.isDirectory()) {
        if (file !== join(trainer, 'build')) walk(file)
      } else {
        const { size, mtimeMs } = statSync(file)
        parts.push(file, String(size), String(mtimeMs))
      }
    }
  }
  walk(trainer)
  return hashOf(parts)
}

async function buildTrainer() {
  const key = trainerKey()
  const cxx = process.env.CXX || onPath('g++') ? [] : [`CXX=${compiler()}`]
  await run('make', ['-C', trainer, `-j${availableParallelism()}`, ...cxx])
  writeFileSync(trainerStamp, key)
}

let typescript = false
/** The TypeScript sources, once the packages are there. */
async function load(file) {
  if (!typescript) {
    process.env.TSX_TSCONFIG_PATH ??= join(root, 'tsconfig.json')
    const { register } = await import('tsx/esm/api')
    register()
    typescript = true
  }
  return import(pathToFileURL(join(root, file)).href)
}

const manifest = join(state, 'data', 'sotu-v1024', 'manifest.json')

/**
 * The steps, in order. `needs`: what goes on afterwards (up, test, check, bench, or nothing) and its arguments.
 * @returns {{ name: string, done: () => boolean | Promise<boolean>, do: (say: (line: string) => void) => Promise<void> | void }[]}
 */
export function stepsFor(next, args) {
  checkMachine()
  const packages = { name: 'packages', done: () => readOr(installStamp, '') === installKey(), do: installPackages }
  if (next === 'check' || next === 'bench') return [packages]
  const ownServer =
    next !== 'up' || !(process.env.SWARM_NATS || args.some((a) => a === '--nats' || a.startsWith('--nats=')))
  const ownData = next !== 'up' || !args.some((a) => a === '--data' || a.startsWith('--data='))
  const server = {
    name: 'nats-server',
    done: async () => {
      const { findBinary, isGoodEnough } = await load('coordinator/src/server/binary.ts')
      return isGoodEnough(state, await findBinary(state))
    },
    do: async (say) => {
      const { obtain } = await load('coordinator/src/server/obtain.ts')
      await obtain(state, say)
    },
  }
  const build = {
    name: 'trainer',
    done: () => existsSync(join(trainer, 'build', 'judge')) && readOr(trainerStamp, '') === trainerKey(),
    do: buildTrainer,
  }
  const data = {
    name: 'data set',
    done: () => existsSync(manifest),
    do: async () => void (await run(process.execPath, [join(root, 'bin', 'swarm.mjs'), 'prepare'])),
  }
  return [packages, ...(ownServer ? [server] : []), build, ...(ownData ? [data] : [])]
}
