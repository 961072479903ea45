// A real nats-server: started, killed, started again; one home, one server; nothing acknowledged is lost.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { StorageType } from '@nats-io/jetstream'
import { findBinary } from '@swarm/coordinator/server/binary'
import { identityOf, isRunning } from '@swarm/coordinator/server/identity'
import { freePort, greeting } from '@swarm/coordinator/server/probe'
import { HomeInUse, type Server, ServerFailed, startServer, useServer } from '@swarm/coordinator/server'
import { stateDir } from '@swarm/coordinator/home'
import { openBus } from '@swarm/shared/bus'

const root = mkdtempSync(join(tmpdir(), 'swarm-life-'))
const open: Server[] = []
after(async () => {
  for (const server of open) await server.stop()
  rmSync(root, { recursive: true, force: true })
})
const quiet = (): void => {}
const newHome = (): string => mkdtempSync(join(root, 'home-'))
async function started(home: string, log: (line: string) => void = quiet, port?: number): Promise<Server> {
  const server = await startServer({ home, log, ...(port === undefined ? {} : { port }) })
  open.push(server)
  return server
}
const pidOf = (server: Server): number => server.pid ?? assert.fail('no pid')
async function gone(pid: number, withinMs: number): Promise<boolean> {
  for (const deadline = Date.now() + withinMs; Date.now() < deadline; ) {
    if (identityOf(pid) === undefined) return true
    await new Promise((r) => setTimeout(r, 20))
  }
  return false
}

test('kill -9 in the middle of writing: the same port, and every acknowledged message is there', async () => {
  const home = newHome()
  const first = await started(home)
  const bus = await openBus({ url: first.url, name: 'writer' })
  await (await bus.manager()).streams.add({ name: 'KEEP', subjects: ['keep.>'], storage: StorageType.File })
  const acked: number[] = []
  const writing = (async () => {
    for (let i = 0; ; i++) {
      await bus.js.publish('keep.x', String(i), { timeout: 500 })
      acked.push(i)
    }
  })().catch(quiet)
  while (acked.length < 200) await new Promise((r) => setTimeout(r, 5))
  process.kill(pidOf(first), 'SIGKILL')
  assert.deepEqual(await first.ended, { how: 'signal', signal: 'SIGKILL' })
  await bus.close()
  await writing

  const second = await started(home)
  assert.equal(second.port, first.port)
  const reader = await openBus({ url: second.url, name: 'reader' })
  const ordered = await reader.js.consumers.get('KEEP')
  const kept = new Set<number>()
  const pending = (await reader.js.streams.get('KEEP').then((s) => s.info())).state.messages
  for await (const m of await ordered.fetch({ max_messages: pending, expires: 5_000 })) kept.add(Number(m.string()))
  assert.deepEqual(
    acked.filter((i) => !kept.has(i)),
    [],
  )
  assert.ok(acked.length >= 200)
  await reader.close()
  await second.stop()
})

test('stop ends it within two seconds and leaves no process', async () => {
  const server = await started(newHome())
  const began = Date.now()
  await server.stop()
  assert.ok(Date.now() - began < 2_000)
  assert.equal(identityOf(pidOf(server)), undefined)
})

test('a home that a living swarm holds is refused, and its server goes on', async () => {
  const home = newHome()
  const program = `
    import { startServer } from ${JSON.stringify(new URL('../../coordinator/src/server.ts', import.meta.url).href)}
    const s = await startServer({ home: ${JSON.stringify(home)}, log: () => {} })
    process.stdout.write(String(s.pid) + '\\n')
    setInterval(() => {}, 1000)`
  const holder = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await once(holder.stdout, 'data')) as [Buffer]
  const pid = Number(line.toString())
  const hasDeathSignal = ((): boolean => {
    try {
      execFileSync('setpriv', ['--pdeathsig', 'KILL', 'true'])
      return true
    } catch {
      return false
    }
  })()
  try {
    await assert.rejects(
      startServer({ home, log: quiet }),
      (e: Error) => e instanceof HomeInUse && e.message.includes(String(holder.pid)) && /swarm down/.test(e.message),
    )
    assert.ok(identityOf(pid) !== undefined)
  } finally {
    holder.kill('SIGKILL')
  }
  // The holder is gone without a word: its server goes with it, or is ended by the next swarm of this home.
  await once(holder, 'exit')
  if (hasDeathSignal) assert.ok(await gone(pid, 2_000), 'the server outlived its swarm')
  const next = await started(home)
  assert.equal(identityOf(pid), undefined)
  await next.stop()
})

test('a server left behind is ended by its pid and start time, never by its pid alone', async () => {
  const home = newHome()
  await (await started(home)).stop()
  const leftover = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
  const who = identityOf(leftover.pid ?? 0) ?? assert.fail()
  const write = (server: unknown): void =>
    writeFileSync(
      join(home, 'nats', 'running.json'),
      JSON.stringify({ server, parent: { pid: 999_999_999, started: 'x' } }),
    )
  write({ ...who, started: 'another time' })
  await (await started(home)).stop()
  assert.ok(isRunning(who), 'a stranger with the same pid was ended')
  write(who)
  const lines: string[] = []
  await (await started(home, (l) => lines.push(l))).stop()
  assert.ok(!isRunning(who))
  assert.match(lines.join('\n'), /left behind/)
})

test('a port that is taken is said, with what to do; a remembered one is replaced', async () => {
  const home = newHome()
  const first = await started(home)
  await assert.rejects(
    startServer({ home: newHome(), log: quiet, port: first.port }),
    (e: Error) => e instanceof ServerFailed && /is taken/.test(e.message),
  )
  const other = newHome()
  await (await started(other)).stop()
  const remembered = JSON.parse(readFileSync(join(other, 'nats', 'server.json'), 'utf8')) as { name: string }
  writeFileSync(join(other, 'nats', 'server.json'), JSON.stringify({ ...remembered, port: first.port }))
  const lines: string[] = []
  const second = await started(other, (l) => lines.push(l))
  assert.notEqual(second.port, first.port)
  assert.match(lines.join('\n'), /new invite/)
  await second.stop()
  await first.stop()
})

test('a server that cannot start says its own last words', async () => {
  const home = newHome()
  writeFileSync(join(home, 'nats'), 'a file where the store should be')
  await assert.rejects(startServer({ home, log: quiet }))
  rmSync(join(home, 'nats'))
  const server = await started(home)
  await server.stop()
  writeFileSync(join(home, 'secrets', 'nats-swarm'), 'a"b')
  await assert.rejects(
    startServer({ home, log: quiet }),
    (e: Error) => e instanceof ServerFailed && /Parse error/.test(e.message),
  )
})

test('a server of yours is used when it has JetStream, and left running', async () => {
  const own = await started(newHome())
  const used = await useServer(own.url, quiet)
  assert.deepEqual([used.port, used.version, used.pid], [own.port, own.version, undefined])
  await used.stop()
  assert.equal((await greeting('127.0.0.1', own.port))?.jetstream, true)
  const binary = (await findBinary(stateDir()))?.path ?? assert.fail()
  const port = (await freePort('127.0.0.1')) ?? assert.fail()
  const plain = spawn(binary, ['-a', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  try {
    while ((await greeting('127.0.0.1', port)) === undefined) await new Promise((r) => setTimeout(r, 20))
    await assert.rejects(useServer(`nats://127.0.0.1:${port}`, quiet), /without JetStream/)
  } finally {
    plain.kill('SIGKILL')
  }
  await own.stop()
  await assert.rejects(useServer(`nats://127.0.0.1:${own.port}`, quiet), /nothing that speaks NATS/)
})
