// Gets a nats-server into the state folder: the official release, Debian's newer package, the machine's own package.
// Newest first; every attempt is one line; a network that is not there fails within seconds.
import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { run } from '@swarm/shared/exec'
import {
  type Binary,
  findBinary,
  howToGetOne,
  isGoodEnough,
  lookedPath,
  NoServer,
  obtainedPath,
  onPath,
  versionOf,
} from './binary.ts'
import { degradation, FLOOR, isBelow, versionText } from './version.ts'

/**
 * sha256 of the archives of release v2.14.5. The two for Linux stand in the Dockerfiles of nats-io/nats-docker (2.14.x),
 * all four in the release's own SHA256SUMS as recorded by three independent projects.
 */
const RELEASE = {
  version: '2.14.5',
  sha256: {
    'linux-amd64': '5e3b603d47c447bda1f77f9ac16dbf91c90aac4ff3681f8fbbc7201e4ed99355',
    'linux-arm64': '673a98d3faa79dde3f9ebf16d6dfac36a5f694e7ad2015e4954dd7939c85cd4c',
    'darwin-amd64': 'f95c98d6b6ed2b63c5681b46b092c9585c99767d547cf495730c329234625e96',
    'darwin-arm64': 'ddd907854d9a2de834af133fa396915fe6442fe6d8909ae31390d1ea7a0fea50',
  } as Record<string, string>,
}

/** The package of Debian 13 that also runs on Debian 12 (it needs libc 2.34). apt checks Debian's signature; this is checked on top. */
const DEBIAN = {
  suite: 'trixie',
  sha256: {
    'nats-server_2.10.27-1+b2_amd64.deb': '6d913ac987b78734c08537c2adeb1526cf735f216173a9170d94b185fcfe6f8a',
  } as Record<string, string>,
}
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** One way did not work. The next one is tried. */
export class NotHad extends Error {
  override name = 'NotHad'
}

const ANSWER_MS = 4_000
const DOWNLOAD_MS = 120_000

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

function platformName(): string {
  return `${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`
}

async function fromRelease(folder: string): Promise<string> {
  const wanted = RELEASE.sha256[platformName()]
  if (wanted === undefined) throw new NotHad(`no checked archive for ${platformName()}`)
  const name = `nats-server-v${RELEASE.version}-${platformName()}`
  const stop = new AbortController()
  const timer = setTimeout(() => stop.abort(), ANSWER_MS)
  let bytes: Uint8Array
  try {
    const response = await fetch(
      `https://github.com/nats-io/nats-server/releases/download/v${RELEASE.version}/${name}.tar.gz`,
      { signal: stop.signal },
    )
    if (!response.ok) throw new NotHad(`the server answered ${response.status}`)
    clearTimeout(timer)
    setTimeout(() => stop.abort(), DOWNLOAD_MS).unref()
    bytes = new Uint8Array(await response.arrayBuffer())
  } catch (error) {
    if (error instanceof NotHad) throw error
    throw new NotHad('it cannot be reached from here', { cause: error })
  } finally {
    clearTimeout(timer)
  }
  if (sha256(bytes) !== wanted)
    throw new NotHad(
      `the archive is not the one that was released (sha256 ${sha256(bytes).slice(0, 12)}…, expected ${wanted.slice(0, 12)}…)`,
    )
  writeFileSync(join(folder, 'release.tar.gz'), bytes)
  const { code, output } = await run('tar', ['-xzf', 'release.tar.gz'], { cwd: folder, timeoutMs: 60_000 })
  if (code !== 0) throw new NotHad(`the archive does not unpack: ${output.trim()}`)
  return join(folder, name, 'nats-server')
}

/** apt with lists and caches of its own, so that it works for a plain user and changes nothing on the machine. */
function aptIn(folder: string, sources?: string): (verb: string[], timeoutMs?: number) => Promise<string> {
  for (const d of ['lists/partial', 'cache/archives/partial']) mkdirSync(join(folder, d), { recursive: true })
  const own = [
    '-o',
    `Dir::State::Lists=${join(folder, 'lists')}`,
    '-o',
    `Dir::Cache=${join(folder, 'cache')}`,
    '-o',
    'Acquire::Languages=none',
    '-o',
    'Acquire::Retries=0',
    '-o',
    `Acquire::http::Timeout=${ANSWER_MS / 1000}`,
    '-o',
    'APT::Sandbox::User=',
    ...(sources === undefined
      ? []
      : ['-o', 'Dir::Etc::SourceList=/dev/null', '-o', `Dir::Etc::SourceParts=${sources}`]),
  ]
  return async (verb, timeoutMs = 60_000) => {
    const { code, output } = await run('apt-get', [...own, ...verb], { cwd: folder, timeoutMs })
    if (code !== 0)
      throw new NotHad(
        output
          .trim()
          .split('\n')
          .filter((l) => /^E:/.test(l))
          .at(-1)
          ?.slice(0, 200) ?? `apt-get ${verb[0]} failed`,
      )
    return output
  }
}

async function unpackPackage(folder: string): Promise<string> {
  const deb = readdirSync(folder).find((f) => f.endsWith('.deb'))
  if (deb === undefined) throw new NotHad('apt-get brought no package')
  const pinned = DEBIAN.sha256[deb]
  if (pinned !== undefined && sha256(readFileSync(join(folder, deb))) !== pinned)
    throw new NotHad(`${deb} is not the one that was checked`)
  const { code, output } = await run('dpkg', ['-x', deb, 'package'], { cwd: folder, timeoutMs: 60_000 })
  if (code !== 0) throw new NotHad(`the package does not unpack: ${output.trim()}`)
  const file = ['usr/sbin', 'usr/bin'].map((d) => join(folder, 'package', d, 'nats-server')).find((f) => existsSync(f))
  if (file === undefined) throw new NotHad('the package holds no nats-server')
  return file
}

function needApt(): void {
  if (onPath('apt-get') === undefined || onPath('dpkg') === undefined) throw new NotHad('this machine has no apt-get')
}

/** From Debian's newer suite, over the mirror this machine already uses. */
async function fromDebianSuite(folder: string): Promise<string> {
  needApt()
  if (!existsSync(KEYRING)) throw new NotHad("this machine does not hold Debian's archive keys")
  const machine = aptIn(join(folder, 'machine'))
  await machine(['update'])
  const mirror = /^Debian\|(\S+)\|main$/m.exec(
    await machine(['indextargets', '--format', '$(ORIGIN)|$(REPO_URI)|$(COMPONENT)']),
  )?.[1]
  if (mirror === undefined) throw new NotHad("no mirror of Debian among this machine's sources answers")
  const suite = join(folder, 'suite')
  mkdirSync(join(suite, 'sources'), { recursive: true })
  writeFileSync(
    join(suite, 'sources', 'suite.sources'),
    `Types: deb\nURIs: ${mirror}\nSuites: ${DEBIAN.suite}\nComponents: main\nSigned-By: ${KEYRING}\n`,
  )
  const apt = aptIn(suite, join(suite, 'sources'))
  await apt(['update'])
  await apt(['download', 'nats-server'])
  return unpackPackage(suite)
}

/** What the machine's own sources offer: on Debian 12 that is 2.9.10, which runs degraded. */
async function fromMachine(folder: string): Promise<string> {
  needApt()
  const apt = aptIn(folder)
  await apt(['update'])
  await apt(['download', 'nats-server'])
  return unpackPackage(folder)
}

const WAYS: readonly { what: string; get: (folder: string) => Promise<string> }[] = [
  { what: `the official release ${RELEASE.version}`, get: fromRelease },
  { what: `the package of Debian ${DEBIAN.suite}`, get: fromDebianSuite },
  { what: "this machine's own package", get: fromMachine },
]

/** The nats-server to use: found, or obtained now. Throws NoServer with the command to type. */
export async function obtain(
  state: string,
  log: (line: string) => void,
  { ways = WAYS, path = process.env.PATH ?? '' } = {},
): Promise<Binary> {
  const found = await findBinary(state, path)
  if (found !== undefined && isGoodEnough(state, found)) return found
  if (found !== undefined)
    log(`nats-server on PATH is ${versionText(found.version)}: looking for ${versionText(FLOOR)} or newer`)
  const bin = join(state, 'bin')
  mkdirSync(bin, { recursive: true })
  for (const way of ways) {
    const folder = mkdtempSync(join(bin, '.obtain-'))
    try {
      const file = await way.get(folder)
      chmodSync(file, 0o755)
      const version = await versionOf(file)
      if (version === undefined) throw new NotHad('it does not run on this machine')
      if (found !== undefined && !isBelow(found.version, version))
        throw new NotHad(`${versionText(version)} is no newer`)
      copyFileSync(file, `${obtainedPath(state)}.new`)
      renameSync(`${obtainedPath(state)}.new`, obtainedPath(state))
      log(`nats-server ${versionText(version)}, from ${way.what}`)
      const degraded = degradation(version)
      if (degraded !== undefined)
        log(`${degraded}. To look for a newer one again: rm ${obtainedPath(state)}; npm run setup`)
      return { path: obtainedPath(state), version, from: 'state folder' }
    } catch (error) {
      if (!(error instanceof NotHad)) throw error
      log(`nats-server: not from ${way.what}: ${error.message}`)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  }
  if (found !== undefined) {
    writeFileSync(lookedPath(state), '')
    return found
  }
  throw new NoServer(`no nats-server could be had.\n${howToGetOne()}`)
}
