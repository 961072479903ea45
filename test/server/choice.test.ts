// Which nats-server is used, what an old one is said not to do, and what happens when none can be had.
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { findBinary, isGoodEnough, NoServer } from '@swarm/coordinator/server/binary'
import { storeLimit, writeConfig } from '@swarm/coordinator/server/config'
import { NotHad, obtain } from '@swarm/coordinator/server/obtain'
import { degradation, parseVersion, type Version } from '@swarm/coordinator/server/version'

const root = mkdtempSync(join(tmpdir(), 'swarm-choice-'))
after(() => rmSync(root, { recursive: true, force: true }))
let count = 0

/** A folder with a nats-server that only tells its version. */
function fake(version: string): string {
  const folder = join(root, `f${count++}`, 'bin')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'nats-server'), `#!/bin/sh\necho "nats-server: v${version}"\n`)
  chmodSync(join(folder, 'nats-server'), 0o755)
  return folder
}
const stateWith = (version: string): string => join(fake(version), '..')
const emptyState = (): string => mkdtempSync(join(root, 'state-'))
const version = (text: string): Version => parseVersion(text) ?? assert.fail(text)

test('PATH goes first when it is new enough', async () => {
  const found = await findBinary(stateWith('2.15.1'), `/nowhere:${fake('2.10.23')}`)
  assert.equal(found?.from, 'PATH')
  assert.deepEqual(found.version, { major: 2, minor: 10, patch: 23 })
})

test('an old one on PATH gives way to the obtained one, and is used when there is no other', async () => {
  const old = fake('2.9.10')
  assert.equal((await findBinary(stateWith('2.10.27'), old))?.from, 'state folder')
  const state = emptyState()
  const only = await findBinary(state, old)
  assert.equal(only?.from, 'PATH')
  assert.equal(isGoodEnough(state, only), false)
  assert.equal((await findBinary(stateWith('2.10.22'), old))?.from, 'state folder')
  assert.equal(await findBinary(emptyState(), '/nowhere'), undefined)
})

test('a broken binary counts as none', async () => {
  const folder = fake('2.10.27')
  writeFileSync(join(folder, 'nats-server'), '#!/bin/sh\nexit 1\n')
  assert.equal(await findBinary(emptyState(), folder), undefined)
})

test('what an old server cannot do is named; a new one is not degraded', () => {
  for (const v of ['2.10.23', '2.10.27', '2.11.0', '2.15.1', '3.0.0'])
    assert.equal(degradation(version(v)), undefined, v)
  assert.match(
    degradation(version('v2.9.10')) ?? '',
    /^degraded durability: nats-server 2\.9\.10 .*sync_interval: always.*power failure/,
  )
  assert.match(degradation(version('2.10.22')) ?? '', /lose a whole stream when it is killed/)
  assert.doesNotMatch(degradation(version('2.10.22')) ?? '', /sync_interval/)
})

test('fsync before the acknowledgement is asked of every server that knows it', () => {
  const of = (v: string): string =>
    readFileSync(
      writeConfig({
        home: mkdtempSync(join(root, 'home-')),
        name: 'n',
        listen: '127.0.0.1',
        port: 1,
        version: version(v),
      }),
      'utf8',
    )
  assert.match(of('2.10.0'), /sync_interval: always/)
  assert.doesNotMatch(of('2.9.10'), /sync_interval/)
})

test('passwords are readable by their owner alone', () => {
  const home = mkdtempSync(join(root, 'home-'))
  const file = writeConfig({ home, name: 'n', listen: '127.0.0.1', port: 1, version: version('2.10.27') })
  for (const f of [file, join(home, 'secrets', 'nats-swarm'), join(home, 'secrets', 'nats-agent')])
    assert.equal(statSync(f).mode & 0o777, 0o600, f)
  assert.equal(statSync(join(home, 'secrets')).mode & 0o777, 0o700)
  assert.ok(storeLimit(home) <= 20 * 1024 ** 3)
})

/** A way that gives a server of this version, or fails. */
const way = (what: string, gives: string | Error, asked: string[]) => ({
  what,
  get: async (folder: string): Promise<string> => {
    asked.push(what)
    if (gives instanceof Error) throw gives
    const file = join(folder, 'nats-server')
    writeFileSync(file, `#!/bin/sh\necho "nats-server: v${gives}"\n`)
    return file
  },
})

test('obtaining goes on to the next way, says each attempt in one line, and keeps the first that runs', async () => {
  const asked: string[] = []
  const lines: string[] = []
  const state = emptyState()
  const ways = [
    way('first', new NotHad('it cannot be reached from here'), asked),
    way('second', '2.10.27', asked),
    way('third', '2.9.10', asked),
  ]
  const got = await obtain(state, (l) => lines.push(l), { ways, path: '/nowhere' })
  assert.deepEqual([got.from, got.version.patch], ['state folder', 27])
  assert.deepEqual(asked, ['first', 'second'])
  assert.deepEqual(lines, [
    'nats-server: not from first: it cannot be reached from here',
    'nats-server 2.10.27, from second',
  ])
  assert.equal((await obtain(state, assert.fail, { ways, path: '/nowhere' })).path, got.path)
  assert.equal(asked.length, 2)
})

test('an old one that is all there is runs with the degraded line', async () => {
  const lines: string[] = []
  const got = await obtain(emptyState(), (l) => lines.push(l), { ways: [way('only', '2.9.10', [])], path: '/nowhere' })
  assert.equal(got.version.minor, 9)
  assert.match(lines.at(-1) ?? '', /^degraded durability: .*npm run setup$/)
})

test('an obtained server no newer than the old one on PATH is not kept', async () => {
  const lines: string[] = []
  const asked: string[] = []
  const state = emptyState()
  const where = { ways: [way('only', '2.9.10', asked)], path: fake('2.9.11') }
  const got = await obtain(state, (l) => lines.push(l), where)
  assert.equal(got.from, 'PATH')
  assert.match(lines.join('\n'), /is no newer/)
  await obtain(state, assert.fail, where)
  assert.equal(asked.length, 1, 'the next set-up does not ask again')
})

test('where none can be had, the error carries the command to type', async () => {
  const ways = [way('only', new NotHad('no'), [])]
  await assert.rejects(
    obtain(emptyState(), () => {}, { ways, path: '/nowhere' }),
    (e: Error) =>
      e instanceof NoServer &&
      /apt-get install nats-server|brew install nats-server/.test(e.message) &&
      /--nats nats:\/\//.test(e.message),
  )
})
