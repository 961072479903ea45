// What a person meets first: help, typos, refusals and their exit codes.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { SWARM, swarm } from './command.ts'

const state = mkdtempSync(path.join(tmpdir(), 'swarm-usage-'))
after(() => rmSync(state, { recursive: true, force: true }))

const VERBS = [
  'up',
  'watch',
  'status',
  'board',
  'show',
  'best',
  'suggest',
  'veto',
  'focus',
  'pause',
  'resume',
  'log',
  'down',
  'invite',
  'join',
  'prepare',
  'train',
  'doctor',
]

/** Two at a time: that many cores a small machine has. */
async function inPairs<T>(list: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const rest = [...list]
  const next = async (): Promise<void> => {
    for (let one = rest.shift(); one !== undefined; one = rest.shift()) await work(one)
  }
  await Promise.all([next(), next()])
}

test('help has examples in its first 25 lines, for swarm and for every verb, and exits 0', async () => {
  await inPairs([[], ...VERBS.map((verb) => [verb])], async (verb) => {
    const { code, stdout, stderr } = await swarm(state, [...verb, '--help'])
    assert.equal(code, 0, stderr)
    const head = stdout.split('\n').slice(0, 25).join('\n')
    assert.match(head, /^Usage: swarm/)
    assert.match(head, new RegExp(`^Examples:\\n(?: {2}.*swarm ${verb.join('')}.*\\n)`, 'm'), `swarm ${verb.join('')}`)
  })
})

test('help is quick: the packages that verbs need are loaded by the verbs that run', async () => {
  const hook =
    'export async function load(url, context, next) { process._rawDebug("loads " + url); return next(url, context) }'
  const tracer = `import { register } from 'node:module'; register('data:text/javascript,${encodeURIComponent(hook)}')`
  const { code, stderr } = await swarm(state, ['--help'], {
    env: { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(tracer)}` },
  })
  assert.equal(code, 0, stderr)
  const packages = new Set([...stderr.matchAll(/^loads .*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//gm)].map((m) => m[1]))
  // What runs TypeScript is there before any verb.
  for (const runner of ['tsx', 'esbuild', 'get-tsconfig']) packages.delete(runner)
  assert.deepEqual([...packages], ['commander'])
})

/** Arguments → exit code, and what stderr must say. */
const REFUSED: [args: string[], code: number, says: RegExp][] = [
  [['statsu'], 2, /unknown command 'statsu'\n\(Did you mean status\?\)/],
  [['up', '--agnets', '2'], 2, /unknown option '--agnets'\n\(Did you mean --agents\?\)/],
  [['up', '--agents', 'two'], 2, /whole number from 0 to 64/],
  [['up', '--budget', '20s'], 2, /work:20s, cpu:20s, wall:5m or tokens:200k/],
  [['up', '--minutes', '-1'], 2, /above 0/],
  [['up', '--name', 'A B'], 2, /lower-case letters/],
  [['up', '--nats', 'localhost'], 2, /nats:\/\//],
  [['up', 'now'], 2, /too many arguments/],
  [['show'], 2, /missing required argument 'id'/],
  [['show', 'x1'], 2, /ids look like h0001 \(hypothesis\) or e0001 \(experiment\)/],
  [['join', 'localhost:4222'], 2, /nats:\/\/agent:TOKEN@HOST:PORT and comes from "swarm invite"/],
  [['suggest'], 2, /Give KNOB=VALUE or a sentence, for example: swarm suggest MATRIX_LR=0\.03/],
  [['train', 'no-such.cu'], 2, /there is no experiment .*no-such\.cu/],
  [['board'], 1, /there is no board in .*home yet. Start a swarm there with: swarm up/],
  [
    ['up', '--home', 'one', '--data', 'nowhere'],
    1,
    /there is no data set in .*nowhere. Make one there with: swarm prepare --data/,
  ],
  [['up', '--home', 'two', '--checkout', '.'], 1, /there is no trainer in .* Is .* a checkout/],
  [['watch'], 4, /no swarm is up in .* Start it with "swarm up"/],
  [['invite'], 4, /no swarm is up/],
  [['suggest', 'DEPTH=5'], 4, /no swarm is up/],
  [['vetoo', 'h0001'], 2, /Did you mean veto\?/],
  [['veto'], 2, /missing required argument 'id'/],
  [['veto', 'e0001'], 2, /"e0001" is no hypothesis; ids look like h0001/],
  [['veto', 'h0001'], 4, /no swarm is up/],
  [['focus'], 2, /give an area or --clear, for example: swarm focus learning-rate/],
  [['focus', 'depth', '--clear'], 2, /give an area or --clear/],
  [['focus', 'Learning Rate!'], 2, /is no area; small letters, digits and dashes/],
  [['focus', 'learning', 'rate'], 4, /no swarm is up/],
  [['pause', 'A1'], 2, /lower-case letters/],
  [['pause', '--reson'], 2, /unknown option '--reson'/],
  [['resume', 'a1'], 4, /no swarm is up/],
  [['watch', '--url', 'nats://agent:SECRET@127.0.0.1:1'], 4, /no swarm answers at 127\.0\.0\.1:1/],
  [['join', 'nats://agent:SECRET@127.0.0.1:1'], 4, /no swarm answers at 127\.0\.0\.1:1/],
]

test('refusals: one or two sentences on stderr that say what to do, the right exit code, nothing on stdout, no stack, no secret', async () => {
  await inPairs(REFUSED, async ([args, code, says]) => {
    const done = await swarm(state, args, { cwd: state })
    const what = `swarm ${args.join(' ')}\n${done.stderr}`
    assert.equal(done.code, code, what)
    assert.match(done.stderr, says, what)
    assert.match(done.stderr, /^swarm: /, what)
    assert.doesNotMatch(done.stderr, /\n\s+at |SECRET/, what)
    assert.equal(done.stdout, '', what)
  })
})

test('version and the bare word: exit 0; down of nothing is no failure', async () => {
  assert.match((await swarm(state, ['--version'])).stdout, /^\d+\.\d+\.\d+\n$/)
  const bare = await swarm(state, [])
  assert.equal(bare.code, 0)
  assert.match(bare.stdout, /^Usage: swarm/)
  assert.match(bare.stdout, /Exit codes: 0 done or stopped, 1 failure, 2 usage/)
  const down = await swarm(state, ['down'])
  assert.equal(down.code, 0)
  assert.match(down.stdout, /no swarm is up/)
})

test('a reader that leaves early ends us quietly', async () => {
  const { execFileSync } = await import('node:child_process')
  const out = execFileSync('sh', ['-c', `"${process.execPath}" "${SWARM}" up --help 2>&1 | head -1; sleep 0.2`], {
    encoding: 'utf8',
  })
  assert.equal(out, 'Usage: swarm up [options]\n')
})
