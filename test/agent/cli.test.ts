// The real claude and codex, headless in a real agent, against the loopback server: each edits the recipe, and its edit is built, trained
// and judged. They are fetched from npm into a cache once; where that cannot be done, this says NOT TESTED.
import assert from 'node:assert/strict'
import { existsSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { after, before, test, type TestContext } from 'node:test'
import { run } from '@swarm/shared/exec'
import { type Counted, countedPurse } from '../support/model-server/counted.ts'
import type { Reply, Script, Seen } from '../support/model-server/reply.ts'
import { rounds } from '../support/model-server/seen.ts'
import { startModelServer } from '../support/model-server/server.ts'
import { type Hub, openHub } from './hub.ts'

/** Claude Code by the package of its program for this machine: the one in front of it puts it in place by an install script, and none may run here. */
const CLAUDE = `@anthropic-ai/claude-code-${process.platform}-${process.arch}`
const CLIS = {
  claude: { wanted: `${CLAUDE}@2.1.197`, bin: CLAUDE },
  codex: { wanted: '@openai/codex@0.169.0', bin: '.bin' },
} as const
type Name = keyof typeof CLIS
const CACHE = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'swarm', 'test-clis')
const CANARY = 'sk-canary-77aa'
/** Where npm's registry is: its settings in the environment. */
const NPM = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) =>
    value !== undefined && /^npm_config_|_proxy$|^NODE_EXTRA_CA_CERTS$/i.test(name) ? [[name, value]] : [],
  ),
)
const LESSON = { lesson: 'Lower was better.', follow_ups: [] }

/** Folder of its program; or why there is none. */
async function fetched(name: Name): Promise<{ bin: string } | { why: string }> {
  const { wanted, bin: folder } = CLIS[name]
  const prefix = join(CACHE, wanted.replace(/[^a-z0-9.]+/g, '-'))
  const bin = join(prefix, 'node_modules', folder)
  if (!existsSync(join(bin, name))) {
    mkdirSync(prefix, { recursive: true })
    const flags = ['--no-audit', '--no-fund', '--no-save', '--ignore-scripts', '--loglevel=error']
    const { code, output } = await run('npm', ['install', '--prefix', prefix, ...flags, wanted], {
      timeoutMs: 60_000,
      env: NPM,
    })
    if (code !== 0) return { why: `npm did not install ${wanted} in a minute: ${output.trim().slice(-200)}` }
  }
  const { code, output } = await run(join(bin, name), ['--version'], { timeoutMs: 30_000 })
  return code === 0 ? { bin } : { why: `${name} does not run here: ${output.trim().slice(-200)}` }
}

let hub: Hub
let purse: Counted
before(async () => {
  hub = await openHub()
  hub.bus.answer('reserve', ({ call }) => purse.reserve(call))
  hub.bus.answer('settle', async ({ end, limits }) => {
    await purse.settle(end, limits)
    return { ok: true }
  })
})
after(() => hub.close())

const asksForJson = ({ said }: Seen): boolean => said.some(({ text }) => text.includes('Its JSON schema:'))
const answer = (seen: Seen, steps: NonNullable<Reply['uses']>[]): Reply => {
  if (asksForJson(seen)) return { text: JSON.stringify(LESSON) }
  const uses = steps[rounds(seen)]
  return uses === undefined ? { text: 'Lowered the rate.' } : { uses }
}

async function edits(
  t: TestContext,
  name: Name,
  n: number,
  script: Script,
  where: (url: string) => { args: string[]; env: Record<string, string> },
): Promise<void> {
  const there = await fetched(name)
  if ('why' in there) {
    t.skip(`NOT TESTED: ${there.why}`)
    return
  }
  purse = countedPurse()
  const server = await startModelServer(script)
  const { args, env } = where(server.url)
  const home = join(hub.dir, `home-of-${name}`)
  mkdirSync(join(home, 'state'), { recursive: true })
  const agent = hub.agent('a1', ['--researcher', `${name}:test`, ...args], {
    PATH: `${there.bin}:${process.env.PATH}`,
    HOME: home,
    CODEX_HOME: join(home, 'state'),
    ...env,
  })
  try {
    const hypothesis = { id: `h0${n}`, title: 'Lower the rate of the matrices', origin: 'model' as const, edits: [] }
    await hub.plan(hub.experiment(n, { kind: 'screen', seed: 1, hypothesis }), 'read')
    const result = await hub.result(`e0${n}`, 120_000)
    assert.equal(result.outcome, 'measured', `${result.cause} ${server.seen.map((s) => s.last.slice(-200)).join('\n')}`)
    assert.match(result.diff, /\+constexpr float MUON_LR = 0\.04f;/)
    assert.equal(result.lesson, 'Lower was better.')
    assert.deepEqual(
      purse.calls.map((c) => `${c.provider}:${c.model} ${c.role}`),
      [`${name}:test author`, `${name}:test lesson`],
    )
    assert.deepEqual(purse.usage(), server.told.get('test')?.usage, 'what it says it used is what it was told')
    assert.ok(!server.seen.some((s) => JSON.stringify(s.body).includes(CANARY)))
  } finally {
    agent.kill('SIGTERM')
    await agent.ended
    await server.close()
  }
}

test('claude edits the recipe, may read nothing outside, and its edit is measured', { timeout: 240_000 }, async (t) => {
  const file = join(hub.home, 'worktrees/a1/a/trainer-native/experiment/train.cu')
  const secret = join(hub.dir, 'home-of-claude/secret')
  let denied = ''
  const script = (seen: Seen): Reply => {
    if (rounds(seen) === 2) denied = seen.last
    return answer(seen, [
      [{ name: 'Read', input: { file_path: file } }],
      [
        { name: 'Read', input: { file_path: secret } },
        { name: 'Edit', input: { file_path: file.replace('experiment', 'harness'), old_string: 'a', new_string: 'b' } },
        { name: 'Edit', input: { file_path: file, old_string: 'MUON_LR = 0.08f', new_string: 'MUON_LR = 0.04f' } },
      ],
    ])
  }
  await edits(t, 'claude', 501, script, (url) => ({ args: ['--base-url', url], env: { ANTHROPIC_API_KEY: CANARY } }))
  if (denied !== '') assert.match(denied, /Permission to use Read has been denied/)
})

test('codex edits the recipe, sees no key, and its edit is measured', { timeout: 240_000 }, async (t) => {
  const script = (seen: Seen): Reply =>
    answer(seen, [
      [
        {
          name: 'exec_command',
          input: { cmd: 'env; sed -i s/MUON_LR.=.0.08f/MUON_LR\\ =\\ 0.04f/ trainer-native/experiment/train.cu' },
        },
      ],
    ])
  await edits(t, 'codex', 502, script, (url) => ({
    args: ['--base-url', `${url}/v1`],
    env: { OPENAI_API_KEY: CANARY },
  }))
})
