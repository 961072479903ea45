// The set-up in a small checkout: npx and the nats-server are programs that count their calls, make and Node are real.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const checkout = fileURLToPath(new URL('../../', import.meta.url))
const root = mkdtempSync(join(tmpdir(), 'swarm-set-up-'))
after(() => rmSync(root, { recursive: true, force: true }))

interface Fixture {
  folder: string
  path: string
  state: string
}

function program(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, text)
  chmodSync(file, 0o755)
}

let count = 0
function fixture(): Fixture {
  const folder = join(root, `checkout-${count++}`)
  const put = (file: string, text: string): void => {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  cpSync(join(checkout, 'scripts'), join(folder, 'scripts'), { recursive: true })
  put('package.json', JSON.stringify({ name: 'small', type: 'module', packageManager: 'pnpm@12.21.0' }))
  for (const file of [
    'pnpm-lock.yaml',
    'pnpm-workspace.yaml',
    'shared/package.json',
    'coordinator/package.json',
    'agent/package.json',
  ])
    put(file, '{}')
  symlinkSync(join(checkout, 'coordinator', 'src'), join(folder, 'coordinator', 'src'))
  put('tsconfig.json', '{}')
  put(
    'trainer-native/Makefile',
    'all:\n\tmkdir -p build\n\techo built >> build/count\n\tcp engine/engine.cpp build/judge\n',
  )
  put('trainer-native/engine/engine.cpp', 'int x;\n')
  put('test/some.test.ts', "import { test } from 'node:test'\ntest('passes', () => {})\n")
  put(
    'test/other.test.ts',
    "import { test } from 'node:test'\ntest('fails', () => { throw new Error('on purpose') })\n",
  )
  // The CLI of the small checkout: `prepare` makes a data set, `up` shows what reached it.
  put(
    'bin/swarm.mjs',
    `
    import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
    const [verb, ...args] = process.argv.slice(2)
    if (verb === 'prepare') {
      mkdirSync(process.env.SWARM_STATE + '/data/sotu-v1024', { recursive: true })
      writeFileSync(process.env.SWARM_STATE + '/data/sotu-v1024/manifest.json', '{}')
    } else if (args[0] === 'wait') {
      for (const s of ['SIGTERM', 'SIGINT']) process.on(s, () => { console.log('got ' + s); setTimeout(() => process.exit(7), 100) })
      console.log('waiting')
      setInterval(() => {}, 1000)
    } else { console.log(JSON.stringify([verb, ...args])); process.exit(5) }`,
  )
  const bin = join(folder, 'fake-bin')
  program(
    join(bin, 'npx'),
    `#!/bin/sh\necho "$@" >> ${folder}/npx-calls\nsleep 0.3\nmkdir -p ${folder}/node_modules\nln -sfn ${checkout}/node_modules/tsx ${folder}/node_modules/tsx\n`,
  )
  program(join(bin, 'nats-server'), '#!/bin/sh\necho "nats-server: v2.10.27"\n')
  return { folder, path: `${bin}:${process.env.PATH}`, state: join(folder, 'state') }
}

function begin(
  f: Fixture,
  args: string[] = [],
  env: Record<string, string> = {},
): { child: ChildProcess; out: () => string; err: () => string; end: Promise<number> } {
  const { SWARM_NATS: _, NODE_TEST_CONTEXT: __, ...inherited } = process.env
  const child = spawn(process.execPath, [join(f.folder, 'scripts', 'setup.mjs'), ...args], {
    cwd: f.folder,
    env: { ...inherited, PATH: f.path, SWARM_STATE: f.state, INIT_CWD: f.folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString()
  })
  return { child, out: () => out, err: () => err, end: once(child, 'close').then(([code]) => code as number) }
}
async function setUp(
  f: Fixture,
  args: string[] = [],
  env: Record<string, string> = {},
): Promise<{ code: number; out: string; err: string; seconds: number }> {
  const began = performance.now()
  const run = begin(f, args, env)
  const code = await run.end
  return { code, out: run.out(), err: run.err(), seconds: (performance.now() - began) / 1000 }
}
const lines = (file: string): string[] => (existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [])
const ready = (err: string): string[] =>
  [...err.matchAll(/^set-up: (.*) ready \(\d+\.\d s\)$/gm)].map((m) => m[1] ?? '')

test('the first set-up does every step once; the second does nothing, in under two seconds', async () => {
  const f = fixture()
  const first = await setUp(f)
  assert.equal(first.code, 0, first.err)
  assert.deepEqual(ready(first.err), ['packages', 'trainer', 'data set'])
  assert.deepEqual(lines(join(f.folder, 'npx-calls')), [
    '--yes pnpm@12.21.0 install --frozen-lockfile --prefer-offline',
  ])
  // The best of three: other tests run beside this one.
  const again = [await setUp(f), await setUp(f), await setUp(f)]
  for (const one of again) assert.deepEqual([one.code, one.err], [0, 'set-up: nothing to do\n'])
  const seconds = Math.min(...again.map((one) => one.seconds))
  assert.ok(seconds < 2, `${seconds} s`)
})

test('what changed is done again, and nothing else', async () => {
  const f = fixture()
  await setUp(f)
  writeFileSync(join(f.folder, 'pnpm-lock.yaml'), 'changed')
  assert.deepEqual(ready((await setUp(f)).err), ['packages'])
  const source = join(f.folder, 'trainer-native', 'engine', 'engine.cpp')
  utimesSync(source, new Date(), new Date(Date.now() + 5_000))
  assert.deepEqual(ready((await setUp(f)).err), ['trainer'])
  rmSync(join(f.state, 'data'), { recursive: true })
  assert.deepEqual(ready((await setUp(f)).err), ['data set'])
  rmSync(join(f.folder, 'trainer-native', 'build'), { recursive: true })
  assert.deepEqual(ready((await setUp(f)).err), ['trainer'])
})

test('two set-ups at once: one works, the other waits, each step is done once', async () => {
  const f = fixture()
  const both = await Promise.all([setUp(f), setUp(f)])
  for (const one of both) assert.equal(one.code, 0, one.err)
  assert.equal(both.filter((one) => /another set-up of this checkout/.test(one.err)).length, 1)
  assert.equal(lines(join(f.folder, 'npx-calls')).length, 1)
  assert.equal(lines(join(f.folder, 'trainer-native', 'build', 'count')).length, 1)
})

test('a set-up that was killed holds nobody up', async () => {
  const f = fixture()
  const killed = begin(f)
  while (lines(join(f.folder, 'npx-calls')).length === 0) await new Promise((r) => setTimeout(r, 10))
  killed.child.kill('SIGKILL')
  await killed.end
  const next = await setUp(f)
  assert.deepEqual([next.code, ready(next.err)], [0, ['packages', 'trainer', 'data set']])
})

test('a failing step shows what was said, and is tried again next time', async () => {
  const f = fixture()
  writeFileSync(
    join(f.folder, 'trainer-native', 'Makefile'),
    'all:\n\t@echo engine.cpp:1: error: no such word >&2; exit 1\n',
  )
  const failed = await setUp(f, ['--then', 'up'])
  assert.equal(failed.code, 1)
  assert.match(failed.err, /set-up: stopped:\nmake .*ended with 2:[\s\S]*engine\.cpp:1: error: no such word/)
  assert.equal(failed.out, '', 'nothing goes on')
  writeFileSync(join(f.folder, 'trainer-native', 'Makefile'), 'all:\n\tmkdir -p build\n\ttouch build/judge\n')
  assert.deepEqual(ready((await setUp(f)).err), ['trainer', 'data set'])
})

test('what the machine lacks is named, each with how to get it', async () => {
  const f = fixture()
  const bare = join(f.folder, 'bare-bin')
  mkdirSync(bare)
  const { code, err } = await setUp(f, [], { PATH: bare, CXX: '' })
  assert.equal(code, 1)
  for (const what of [/git is missing\. \S/, /C\+\+ compiler is missing .*\. \S/, /make is missing\. \S/])
    assert.match(err, what)
})

test('it goes on to up with its arguments, its output and its exit code; its own words stay off stdout', async () => {
  const f = fixture()
  const { code, out } = await setUp(f, ['--then', 'up', '--agents', '2', '--data', 'x y', '--nats', 'nats://h:1'])
  assert.equal(code, 5)
  assert.equal(out, '["up","--agents","2","--data","x y","--nats","nats://h:1"]\n')
  assert.ok(!existsSync(join(f.state, 'data')), 'a data set of yours needs no default one')
})

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} reaches what goes on once, and its exit code comes back`, async () => {
    const f = fixture()
    const run = begin(f, ['--then', 'up', 'wait'])
    while (!run.out().includes('waiting')) await new Promise((r) => setTimeout(r, 10))
    run.child.kill(signal)
    assert.equal(await run.end, 7)
    assert.equal(run.out(), `waiting\ngot ${signal}\n`)
  })
}

test('npm test runs the files asked for and gives the exit code of the runner, whose lines close the output', async () => {
  const f = fixture()
  const good = await setUp(f, ['--then', 'test', 'some'], { INIT_CWD: '/' })
  assert.equal(good.code, 0, good.out)
  assert.match(good.out, /# pass 1\n# fail 0\n[\s\S]*# duration_ms [\d.]+\n$/)
  assert.equal((await setUp(f, ['--then', 'test'])).code, 1)
  assert.equal((await setUp(f, ['--then', 'test', 'nowhere'])).code, 2)
})
