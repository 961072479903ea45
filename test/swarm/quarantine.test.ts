// A whole swarm with a network that has memorised the validation text, and with an honest change that gains as much as nobody believes.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { Command, jsonLines, pause, processesOf, swarm } from '../cli/command.ts'
import { type Checkout, makeCheckout, faultDiff } from '../support/checkout.ts'

const dir = mkdtempSync(path.join(tmpdir(), 'swarm-quarantine-'))
const home = path.join(dir, 'home')
let checkout: Checkout
before(async () => {
  checkout = await makeCheckout(dir, { seconds: 0.2 })
})
after(() => {
  for (const { pid } of processesOf(dir)) process.kill(pid, 'SIGKILL')
  rmSync(dir, { recursive: true, force: true })
})

interface Row {
  id: string
  kind: string
  outcome: string
  hypothesis?: string
  split?: string
  gain?: number
}
const ask = async (...verb: string[]): Promise<string> => (await swarm(undefined, [...verb, '--home', home])).stdout

async function suggest(...idea: string[]): Promise<string> {
  for (const end = Date.now() + 60_000; ; await pause(300)) {
    const { code, stdout, stderr } = await swarm(undefined, ['suggest', ...idea, '--json', '--home', home])
    if (code === 0) return (JSON.parse(stdout) as { hypothesis: string }).hypothesis
    if (Date.now() > end) throw new Error(stderr)
  }
}

test('the forged jump is suspected, the honest one is promoted', { timeout: 240_000 }, async () => {
  const patchOf = async (what: string): Promise<string> => {
    const file = path.join(dir, `${what}.patch`)
    writeFileSync(file, await faultDiff(checkout, what))
    return file
  }
  const [memorised, insight] = [await patchOf('memorised'), await patchOf('insight')]
  const run = new Command(undefined, [
    ...['up', '--plain', '--agents', '2', '--experiments', '24', '--home', home],
    ...['--checkout', checkout.dir, '--data', checkout.data, '--program', path.join(checkout.dir, 'program.md')],
  ])
  await run.says(/joined/, 90_000)
  // 0.1 bits per byte better on any text, where eight noises are 0.032.
  const honest = await suggest('--diff', insight, 'A true insight')
  const cheat = await suggest('--diff', memorised, 'A table of answers')
  const { code, stdout, stderr } = await run.done
  assert.equal(code, 0, stdout + stderr)

  const rows = jsonLines<Row>(await ask('board', '--json'))
  const of = (h: string): Row[] => rows.filter((r) => r.hypothesis === h)
  const told = rows.map((r) => `${r.id} ${r.kind} ${r.split ?? ''} ${r.outcome} ${r.hypothesis ?? ''}`).join('\n')
  assert.deepEqual(
    of(cheat).map((r) => `${r.kind} ${r.split ?? 'val'} ${r.outcome}`),
    ['screen val cheat-suspected', 'repeat hidden cheat-suspected'],
    told,
  )
  const suspicion = JSON.parse(await ask('show', cheat, '--json')) as { finding: { outcome: string; cause: string } }
  assert.equal(suspicion.finding.outcome, 'cheat-suspected')
  assert.match(
    suspicion.finding.cause,
    /^a gain of 0\.\d+ is more than 8 noises .*, but on the second held-out text it is/,
  )

  assert.deepEqual(
    of(honest)
      .map((r) => `${r.kind} ${r.split ?? 'val'} ${r.outcome}`)
      .slice(0, 3),
    ['screen val improved', 'repeat hidden improved', 'repeat val improved'],
    told,
  )
  const best = JSON.parse(await ask('best', '--json')) as { lineage: { hypothesis?: string }[] }
  assert.ok(best.lineage.some((b) => b.hypothesis === honest))
  assert.ok(best.lineage.every((b) => b.hypothesis !== cheat))
  assert.match(stdout, new RegExp(`screen +quarantined .*${cheat} A table of answers`))
  assert.match(await ask('show', honest), /seed \d+, second held-out text: /)
})
