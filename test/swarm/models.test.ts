// A swarm of eight researchers, seven of them models of two providers, one scripted, and a model that directs, against a model server of
// our own: who refuses now and then, and breaks off in mid-sentence. It ends at its cap of money. Then every promise is looked at: a
// promoted finding that a model wrote, its lesson, the money to the last token, and keys nowhere but in the requests.
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { addUsage, NO_USAGE } from '@swarm/shared/call'
import type { Costs } from '@swarm/coordinator/board/costs'
import { Command, type Done, jsonLines, processesOf, swarm } from '../cli/command.ts'
import { type Checkout, commitAll, makeCheckout, RECIPE } from '../support/checkout.ts'
import type { Reply, Seen } from '../support/model-server/reply.ts'
import { type ModelServer, startModelServer } from '../support/model-server/server.ts'

const CANARY = { ANTHROPIC_API_KEY: 'sk-canary-anthropic-5f1d', OPENAI_API_KEY: 'sk-canary-openai-77ab' }
const CAP = 1.5
const PRICES = {
  'claude-test': { input: 3, cacheRead: 0.3, cacheWrite: 3.75, cacheWriteLong: 6, output: 15 },
  'gpt-test': { input: 2, cacheRead: 0.2, cacheWrite: 2, cacheWriteLong: 2, output: 10 },
}
const WINNER = 'Gate the activation and halve the rows of a step'
const OLD = 'constexpr int ROWS = 16;'
const NEW = 'constexpr int ROWS = 8;\nconstexpr char ACTIVATION[] = "gated";'
const LESSON = 'The gate paid for itself: half the rows, twice the steps.'

const dir = mkdtempSync(path.join(tmpdir(), 'swarm-models-'))
const home = path.join(dir, 'home')
let checkout: Checkout
let models: ModelServer
let done: Done
before(async () => {
  checkout = await makeCheckout(dir, { seconds: 0.2 })
  // This trainer fails when it sees anything like a key.
  const recipe = path.join(checkout.dir, RECIPE)
  writeFileSync(recipe, readFileSync(recipe, 'utf8').replace('FAULT[] = "none"', 'FAULT[] = "secrets"'))
  await commitAll(checkout.dir, 'Look for secrets')
  models = await startModelServer(answerTo())
  const prices = path.join(dir, 'prices.json')
  const [anthropic, openai] = [{ 'claude-test': PRICES['claude-test'] }, { 'gpt-test': PRICES['gpt-test'] }]
  const scripted = { '*': { input: 0, cacheRead: 0, output: 0 } }
  writeFileSync(prices, JSON.stringify({ date: '2026-11-21', models: { anthropic, openai, scripted } }))
  const script = path.join(dir, 'script.json')
  writeFileSync(script, JSON.stringify({ authors: [{ giveUp: 'The script has no answer to this.' }] }))
  const up = new Command(
    undefined,
    [
      ...['up', '--plain', '--agents', '8', '--budget-usd', String(CAP), '--prices', prices, '--script', script],
      ...['--researcher', 'anthropic:claude-test=4,openai:gpt-test=3,scripted=1', '--home', home],
      ...['--checkout', checkout.dir, '--data', checkout.data, '--program', path.join(checkout.dir, 'program.md')],
    ],
    { env: { ...CANARY, ANTHROPIC_BASE_URL: models.url, OPENAI_BASE_URL: `${models.url}/v1` } },
  )
  done = await up.done
})
after(async () => {
  for (const { pid } of processesOf(dir)) process.kill(pid, 'SIGKILL')
  await models.close()
  if (process.env.KEEP === undefined) rmSync(dir, { recursive: true, force: true })
})

/** Ideas for ever, edits by title, lessons; every ninth request is refused, every thirteenth broken off after some events. */
function answerTo(): (seen: Seen) => Reply {
  const words = 'window softcap residual embedding schedule warmup momentum norm head rope mask bias'.split(' ')
  let ideas = 0
  const title = (): string => {
    const i = ideas++
    if (i === 0) return WINNER
    return `${['Double', 'Drop', 'Shift', 'Learn', 'Reuse'][i % 5]} the ${words[i % 12]} ${words[(i * 5 + Math.floor(i / 12)) % 12]}`
  }
  const card = (): object => ({
    title: title(),
    mechanism: 'More steps in the same budget.',
    expected_gain: 0.01,
    expected_why: 'A guess.',
    area: 'activation',
    builds: [],
    risk: null,
  })
  return (seen) => {
    if (seen.n % 9 === 0) return { status: 429, headers: { 'retry-after-ms': '40', 'retry-after': '0.04' } }
    const reply = said(seen)
    return seen.n % 13 === 0 ? { ...reply, cutAfter: 3, delta: 10 } : reply
  }
  function said(seen: Seen): Reply {
    if (/^You direct/.test(seen.system)) {
      const count = Number(/Propose (\d+) hypotheses/.exec(seen.last)?.[1] ?? 0)
      return { text: JSON.stringify({ hypotheses: Array.from({ length: count }, card) }) }
    }
    if (/^You review/.test(seen.system)) return { text: JSON.stringify({ verdicts: [] }) }
    if (seen.wants !== undefined) return { text: JSON.stringify({ lesson: LESSON, follow_ups: [] }) }
    // The author: one edit, then the end.
    if (seen.said.length > 1) return { text: 'Done.' }
    const all = seen.said.map(({ text }) => text).join('\n')
    const hypothesis = /Hypothesis: (.*)/.exec(all)?.[1] ?? 'nothing'
    const edit =
      hypothesis === WINNER
        ? { old: OLD, new: NEW }
        : { old: '// Layers. range 2..8 int', new: `// ${hypothesis}\n// Layers. range 2..8 int` }
    return { uses: [{ name: 'replace', input: { file: 'train.cu', ...edit } }] }
  }
}

const ask = async (...verb: string[]): Promise<string> => (await swarm(undefined, [...verb, '--home', home])).stdout

test('it ends at its cap with exit code 5 and says which', async () => {
  assert.equal(done.code, 5, done.stdout + done.stderr)
  assert.match(done.stdout, /cap {8}run 1: the cap of \$1\.5 \(--budget-usd\) is reached/)
  assert.match(done.stdout, /run 1 ends: the cap of \$1\.5/)
  assert.match(done.stdout, /^models {7}\$1\.\d\d of \$1\.50, \d+ calls/m)
  assert.match(done.stdout, /^ended {8}the cap of \$1\.5 \(--budget-usd\) is reached/m)
  assert.deepEqual(processesOf(dir), [])
})

test('a promoted finding came from an edit of a model that is more than a knob, with its lesson on the board', async () => {
  const board = jsonLines<{ title?: string; outcome: string; diff?: string; status: string }>(
    await ask('board', '--json'),
  )
  const won = board.find((e) => e.title === WINNER && e.outcome === 'improved')
  assert.match(won?.diff ?? '', /^\+constexpr char ACTIVATION\[\] = "gated";$/m)
  const facts = jsonLines<{ type: string; finding?: { title: string; verdict: string; lesson: string } }>(
    (await ask('log', '--json')).replaceAll(/^\{"seq":\d+,"fact":(.*)\}$/gm, '$1'),
  )
  const finding = facts.find((f) => f.finding?.title === WINNER && f.finding.verdict === 'confirmed')?.finding
  assert.match(finding?.lesson ?? '', /confirmed, \+0\.0\d+ bpb on fresh seed \d+.* The gate paid for itself/)
})

test('the money is the server’s own count to the last token, and never more than the cap', async () => {
  const cost = JSON.parse(await ask('cost', '--json')) as Costs
  const told = [...models.told.values()].reduce((sum, { usage }) => addUsage(sum, usage), NO_USAGE)
  assert.deepEqual(cost.all.usage, told)
  const bill = models.usd(PRICES)
  assert.ok(Math.abs((cost.all.usd ?? 0) - bill) < 1e-9, `${cost.all.usd} here, ${bill} there`)
  assert.ok((cost.all.usd ?? 0) + (cost.lost.usd ?? 0) <= CAP)
  assert.equal(cost.unsettled.calls, 0)
  assert.ok(models.refused > 0 && models.mostOpen > 1, 'there were refusals, and calls beside each other')
  assert.ok(cost.by.role.director && cost.by.role.author && cost.by.role.lesson)
})

test('the keys are in the requests and nowhere else', () => {
  const keys = Object.values(CANARY)
  const sent = models.seen.flatMap(({ headers }) => [headers['x-api-key'], headers.authorization].flat())
  for (const key of keys)
    assert.ok(
      sent.some((value) => value?.includes(key)),
      'the canary is alive',
    )
  for (const { body } of models.seen) assert.doesNotMatch(JSON.stringify(body), /canary/)
  assert.doesNotMatch(done.stdout + done.stderr, /canary/)
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  assert.ok(
    files.some(({ name }) => name.endsWith('.blk')),
    'what went over the bus is among them',
  )
  for (const { parentPath, name } of files) {
    const bytes = readFileSync(path.join(parentPath, name))
    for (const key of keys) assert.ok(!bytes.includes(key), `${key} in ${path.join(parentPath, name)}`)
  }
})
