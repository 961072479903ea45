// A whole swarm from the command line: real nats-server, coordinator, agents and git; only the trainer is the quick one of test/support.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { type Checkout, commitAll, makeCheckout, RECIPE } from '../support/checkout.ts'
import { Command, jsonLines, pause, processesOf, swarm } from './command.ts'

interface Line {
  id: string
  kind: string
  outcome: string
  diff: string
  base: string
  seed: number
  cost: { total: number }
  agent: string
  hypothesis?: string
  valBpb?: number
}
interface Record {
  pid: number
  children: { name: string; pid: number }[]
}

const dir = mkdtempSync(path.join(tmpdir(), 'swarm-run-'))
const home = path.join(dir, 'home')
let checkout: Checkout
before(async () => {
  checkout = await makeCheckout(dir, { seconds: 0.05 })
})
after(() => {
  for (const { pid } of processesOf(dir)) process.kill(pid, 'SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

/** `--checkout --data --program` of the quick trainer, and this home. */
const up = (...more: string[]): Command =>
  new Command(undefined, [
    'up',
    '--plain',
    '--home',
    home,
    '--checkout',
    checkout.dir,
    '--data',
    checkout.data,
    '--program',
    path.join(checkout.dir, 'program.md'),
    ...more,
  ])
const ask = (...args: string[]): ReturnType<typeof swarm> => swarm(undefined, [...args, '--home', home])
const board = async (): Promise<Line[]> => jsonLines<Line>((await ask('board', '--json')).stdout)
const record = (): Record => JSON.parse(readFileSync(path.join(home, 'swarm.json'), 'utf8')) as Record
const childOf = (name: string): number => record().children.find((child) => child.name === name)?.pid ?? 0

async function gone(): Promise<void> {
  for (const end = Date.now() + 2_000; processesOf(dir).length > 0 && Date.now() < end; ) await pause(50)
  assert.deepEqual(processesOf(dir), [])
}

test('up runs to its goal: baseline, a line an experiment, promotions with seeds, a summary, exit 0, nobody left', async () => {
  const { code, stdout, stderr } = await up('--agents', '2', '--experiments', '10').done
  assert.equal(code, 0, stdout + stderr)
  assert.doesNotMatch(stdout + stderr, /\u001b/)
  assert.equal(stderr, '')
  for (const line of stdout.slice(0, stdout.indexOf('\n\n')).split('\n')) assert.match(line, /^\d\d:\d\d:\d\d {2}\S/)
  const all = await board()
  assert.ok(all.length >= 10)
  for (const { id, outcome, kind, seed, agent } of all)
    assert.match(
      stdout,
      new RegExp(
        `experiment ${id} {2}${kind} +${kind === 'baseline' ? 'baseline' : outcome} .*seed ${seed} .*${agent}`,
      ),
    )
  const best = JSON.parse((await ask('best', '--json')).stdout) as {
    lineage: { n: number; seeds: number[]; valBpb: number }[]
  }
  assert.ok(best.lineage.length >= 2, 'something was promoted')
  for (const { n, seeds } of best.lineage.slice(1))
    assert.match(stdout, new RegExp(`best +#${n} val_bpb .*seeds ${seeds.join(' ')}: `))
  assert.match(
    stdout,
    /\nbaseline +val_bpb 1\.6\d{4}\nbest +val_bpb 1\.\d{5}, [\d.]+% below the baseline, commit [0-9a-f]{12}\npromotions +\d+\n/,
  )
  assert.match(stdout, /\nNext:\n {2}.* board --home .*\n {2}.* best .*--checkout DIR.*\n {2}.* up --home .*\n$/)
  await gone()
})

test('board, best, status and log say the same in JSON, while the swarm is down', async () => {
  const all = await board()
  for (const line of all) {
    assert.match(line.id, /^e\d{4}$/)
    assert.match(line.base, /^[0-9a-f]{40}$/)
    assert.ok(Number.isInteger(line.seed) && line.cost.total > 0 && line.outcome !== '')
    assert.equal(typeof line.diff, 'string')
  }
  const best = JSON.parse((await ask('best', '--json')).stdout) as {
    valBpb: number
    baseline: number
    gain: number
    commit: string
    lineage: { commit: string; title?: string }[]
  }
  assert.ok(best.valBpb < best.baseline && best.gain > 0)
  const hub = execFileSync('git', ['-C', path.join(home, 'hub.git'), 'log', '--format=%H', 'best'], {
    encoding: 'utf8',
  })
    .trim()
    .split('\n')
  assert.deepEqual(best.lineage.map((b) => b.commit).reverse(), hub)
  const status = JSON.parse((await ask('status', '--json')).stdout) as {
    up: boolean
    laneBusy: number
    experiments: { recorded: number }
    agents: { agent: string }[]
  }
  assert.equal(status.up, false)
  assert.equal(status.experiments.recorded, all.length)
  assert.ok(status.laneBusy > 0 && status.laneBusy <= 1)
  assert.deepEqual(
    status.agents.map((a) => a.agent),
    ['a1', 'a2'],
  )
  const facts = jsonLines<{ seq: number; fact: { type: string } }>((await ask('log', '--json')).stdout)
  assert.deepEqual(
    facts.map((f) => f.seq),
    facts.map((_, i) => i + 1),
  )
  assert.equal(facts.filter((f) => f.fact.type === 'experiment-recorded').length, all.length)
  assert.ok(facts.slice(-3).some((f) => f.fact.type === 'swarm-stopped'))
})

test('show ID --diff applies to its base, byte for byte; show explains hypothesis and experiment', async () => {
  const all = await board()
  const one = all.find((e) => e.kind === 'screen' && e.outcome === 'improved') as Line
  const { stdout: diff } = await ask('show', one.id, '--diff')
  assert.equal(diff, one.diff)
  const clone = path.join(dir, 'clone')
  execFileSync('git', ['clone', '-q', path.join(home, 'hub.git'), clone])
  execFileSync('git', ['-C', clone, 'checkout', '-q', one.base])
  execFileSync('git', ['-C', clone, 'apply', '--check'], { input: diff })
  assert.equal((await ask('show', one.hypothesis as string, '--diff')).stdout, diff)
  const shown = JSON.parse((await ask('show', one.hypothesis as string, '--json')).stdout) as {
    id: string
    finding: { verdict: string }
    experiments: { id: string }[]
  }
  assert.equal(shown.finding.verdict, 'confirmed')
  assert.ok(shown.experiments.some((e) => e.id === one.id))
  assert.match((await ask('show', one.id)).stdout, /^e\d{4} {2}screen, improved, of h\d{4}: .*\nscore +val_bpb 1\./)
  const missing = await ask('show', 'e9999')
  assert.equal(missing.code, 1)
  assert.match(missing.stderr, /there is no experiment e9999/)
})

test('best --checkout brings it home and touches nothing else', async () => {
  const brought = await ask('best', '--json', '--checkout', checkout.dir)
  assert.equal(brought.code, 0, brought.stderr)
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', checkout.dir, ...args], { encoding: 'utf8' }).trim()
  assert.equal(git('rev-parse', 'swarm/best'), (JSON.parse(brought.stdout) as { commit: string }).commit)
  assert.equal(git('rev-parse', 'main'), checkout.head)
  assert.equal(git('status', '--porcelain'), '')
})

// A test that stops half-way must not leave its swarm to the next one.
afterEach(() => {
  for (const { pid } of processesOf(dir)) process.kill(pid, 'SIGKILL')
})

test('up again goes on: not twice on one home, joined from another, watched, killed in parts, ended by Ctrl-C in ten seconds', async () => {
  const before = await board()
  const first = up('--agents', '1')
  await first.says(/experiments? on the board already/)
  await first.says(/run 2 starts/)
  assert.equal(statSync(path.join(home, 'swarm.json')).mode & 0o777, 0o600)

  const second = await up('--agents', '1').done
  assert.equal(second.code, 1)
  assert.match(
    second.stderr,
    new RegExp(`a swarm is already up in .*: process ${first.pid}, since .*"swarm down"`, 's'),
  )

  const { url } = JSON.parse((await ask('invite', '--json')).stdout) as { url: string }
  const joined = new Command(undefined, [
    'join',
    url,
    '--name',
    'lab',
    '--cores',
    '0',
    '--home',
    path.join(dir, 'lab'),
    '--checkout',
    checkout.dir,
  ])
  const watching = new Command(undefined, ['watch', '--home', home])
  await joined.says(/joined as lab/)
  await first.says(/agent +lab joined/)
  await first.says(/experiment e\d{4} .* lab /)
  await watching.says(/experiment e\d{4} /)
  assert.doesNotMatch(watching.stdout + joined.stdout, /\u001b/)
  joined.process.kill('SIGINT')
  assert.equal((await joined.done).code, 0, joined.stderr)

  for (const name of ['coordinator', 'a1', 'nats-server']) {
    const pid = childOf(name)
    process.kill(pid, 'SIGKILL')
    await first.says(new RegExp(`${name} killed by SIGKILL; starting it again`))
    for (const end = Date.now() + 10_000; childOf(name) === pid || childOf(name) === 0; await pause(50))
      assert.ok(Date.now() < end, `${name} comes back`)
    const recorded = first.stdout.match(/experiment e\d{4}/g)?.length ?? 0
    for (
      const end = Date.now() + 30_000;
      (first.stdout.match(/experiment e\d{4}/g)?.length ?? 0) <= recorded;
      await pause(50)
    )
      assert.ok(Date.now() < end, `after ${name} the run goes on:\n${first.stdout}`)
  }
  watching.process.kill('SIGTERM')
  assert.equal((await watching.done).code, 0)

  const asked = Date.now()
  first.process.kill('SIGINT')
  const { code, stdout, stderr } = await first.done
  assert.equal(code, 0, stdout + stderr)
  assert.ok(Date.now() - asked < 10_000)
  assert.match(stdout, /stopping; once more ends it at once/)
  await gone()
  const now = await board()
  for (const { id, valBpb } of before) assert.equal(now.find((e) => e.id === id)?.valBpb, valBpb, id)
  assert.equal(new Set(now.map((e) => e.id)).size, now.length)
})

test('--detach leaves it in the background, an idea is taken, down stops it', async () => {
  const started = await up('--agents', '1', '--detach').done
  assert.equal(started.code, 0, started.stderr)
  assert.match(started.stdout, /up in the background: process \d+/)
  assert.equal((JSON.parse((await ask('status', '--json')).stdout) as { up: boolean }).up, true)
  const taken = await ask('suggest', 'EMBED_LR=0.0777', '--json')
  assert.equal(taken.code, 0, taken.stderr)
  const idea = JSON.parse(taken.stdout) as { hypothesis: string }
  assert.match(idea.hypothesis, /^h\d{4}$/)
  const refused = await ask('suggest', 'NO_SUCH_KNOB=5')
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /not taken: .*NO_SUCH_KNOB/)
  const down = await ask('down')
  assert.equal(down.code, 0)
  assert.match(down.stdout, /is down/)
  await gone()
})

test('a second Ctrl-C ends it at once with 130, and nobody is left', async () => {
  const running = up('--agents', '2')
  await running.says(/experiment e\d{4} /)
  running.process.kill('SIGINT')
  await pause(400)
  running.process.kill('SIGINT')
  const { code } = await running.done
  assert.ok(code === 130 || code === 0, String(code)) // 0: it was down already
  await gone()
})

test('a run that cannot go on ends with 1 and the reason as its last words, and does not look like a good one', async () => {
  const bad = await makeCheckout(path.join(dir, 'bad'))
  const recipe = path.join(bad.dir, RECIPE)
  writeFileSync(recipe, readFileSync(recipe, 'utf8').replace('FAULT[] = "none"', 'FAULT[] = "nan"'))
  await commitAll(bad.dir, 'Give no finite logits')
  const where = ['--home', path.join(dir, 'bad-home'), '--checkout', bad.dir, '--data', bad.data]
  const { code, stdout, stderr } = await swarm(undefined, [
    'up',
    '--plain',
    '--agents',
    '1',
    '--experiments',
    '4',
    ...where,
  ])
  assert.equal(code, 1, stdout + stderr)
  assert.match(stderr, /^swarm: the run cannot go on: .*baseline.*logits are not finite.*\nNothing is lost/)
  assert.doesNotMatch(stdout, /Next:|starting it again/)
  await gone()
})
