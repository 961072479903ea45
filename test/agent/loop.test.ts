// The whole sentence with real parts: nats-server, git, processes; only the trainer is fake.
import assert from 'node:assert/strict'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { run } from '@swarm/shared/exec'
import { type Checkout, commitAll, faultDiff, recipeDiff } from '../support/checkout.ts'
import { given, type Hub, knobs, openHub, publishData } from './hub.ts'

let hub: Hub
before(async () => {
  hub = await openHub()
})
after(() => hub.close())

const order = (h: Hub): string[] => h.results.map((r) => `${r.experiment} ${r.outcome} ${r.measurement?.valBpb ?? ''}`)

async function planAll(h: Hub): Promise<void> {
  for (const n of [1, 2]) await h.plan(h.experiment(n))
  await h.plan(knobs(h, 3, [{ knob: 'MUON_LR', value: '0.04' }]), 'any')
  await h.plan(knobs(h, 4, [{ knob: 'DEPTH', value: '99' }]), 'any')
  await h.plan(knobs(h, 5, [{ knob: 'NO_SUCH', value: '1' }]), 'any')
  await h.plan(
    knobs(h, 6, [
      { knob: 'ROWS', value: '8' },
      { knob: 'WINDOWS', value: 'SL' },
    ]),
    'any',
  )
}

test('baselines, screens, repeats and failures, each result once; the next is prepared while one trains; leaves on SIGTERM', async () => {
  await planAll(hub)
  const agent = hub.agent('a1')
  const [base, screen, pair] = [await hub.result('e0001'), await hub.result('e0003'), await hub.result('e0006')]
  assert.deepEqual(hub.results.map((r) => `${r.experiment} ${r.outcome}`).sort(), [
    'e0001 measured',
    'e0002 measured',
    'e0003 measured',
    'e0004 diff-rejected',
    'e0005 conflict',
    'e0006 measured',
  ])
  assert.equal(base.diff, '')
  assert.equal(base.agent, 'a1')
  assert.equal(base.fence, 1)
  assert.match(screen.diff, /^-constexpr float MUON_LR = 0\.08f;\n\+constexpr float MUON_LR = 0\.04f;$/m)
  assert.match(pair.diff, /ROWS = 8;[\s\S]*WINDOWS\[\] = "SL";/)
  assert.ok(
    screen.measurement !== undefined &&
      base.measurement !== undefined &&
      screen.measurement.valBpb < base.measurement.valBpb,
  )
  assert.equal(screen.measurement.frozen, hub.checkout.frozen)
  assert.equal(
    (await run('git', ['apply', '--check', '-'], { cwd: hub.checkout.dir, input: pair.diff })).code,
    0,
    'the diff applies to its base',
  )
  for (const r of hub.results.filter((one) => one.outcome === 'measured'))
    assert.ok(r.cost.train >= 0.2 && r.cost.total >= r.cost.train && r.cost.judge > 0, r.experiment)

  assert.ok(
    hub.beats.some((b) => b.next !== undefined && b.experiment !== undefined && b.next !== b.experiment),
    'a heartbeat names what is prepared beside',
  )

  const began = Date.now()
  agent.kill('SIGTERM')
  assert.equal(await agent.ended, 0)
  assert.ok(Date.now() - began < 5_000)
  assert.ok(hub.asked.includes('leave: SIGTERM'))
  assert.deepEqual(readdirSync(join(hub.home, 'outbox/a1')), [])
  assert.deepEqual(readdirSync(join(hub.home, 'runs/a1')), [])
})

test('with one agent the order and the scores are the same in another home', async () => {
  const other = await openHub()
  try {
    await planAll(other)
    other.agent('a1')
    await other.result('e0006')
    assert.deepEqual(order(other), order(hub))
  } finally {
    await other.close()
  }
})

test('its own line goes first, then first, then any', async () => {
  await hub.plan(hub.experiment(13), 'any')
  await hub.plan(hub.experiment(12), 'first')
  await hub.plan(hub.experiment(11), { agent: 'a1' })
  await hub.plan(hub.experiment(14), { agent: 'a2' })
  const agent = hub.agent('a1')
  await hub.result('e0013')
  assert.deepEqual(
    hub.results.slice(-3).map((r) => r.experiment),
    ['e0011', 'e0012', 'e0013'],
  )
  agent.kill('SIGTERM')
  await agent.ended
  assert.ok(!hub.results.some((r) => r.experiment === 'e0014'), 'work meant for another agent is left alone')
})

test('a repeat is rebased: merged, written anew, or a conflict; a person’s diff is applied; a sentence needs a model', async () => {
  const c: Checkout = hub.checkout
  const old = c.head
  const warmdown = await recipeDiff(c, 'WARMDOWN = 0.3f', 'WARMDOWN = 0.5f')
  const muon = await recipeDiff(c, 'MUON_LR = 0.08f', 'MUON_LR = 0.05f')
  // The best moves on: MUON_LR and a line above it change.
  const { readFileSync, writeFileSync } = await import('node:fs')
  const file = join(c.dir, 'trainer-native/experiment/train.cu')
  writeFileSync(
    file,
    readFileSync(file, 'utf8')
      .replace('MUON_LR = 0.08f', 'MUON_LR = 0.06f')
      .replace('// The fake recipe', '// The moved fake recipe'),
  )
  const moved = await commitAll(c.dir, 'Move on')
  const human = (n: number, diff: string) => ({
    ...given(hub, n, diff, { kind: 'repeat', base: moved, seed: 77 }),
    diff: { text: diff, base: old },
  })
  await hub.plan(human(21, warmdown))
  await hub.plan(human(22, muon))
  await hub.plan({
    ...knobs(hub, 23, [{ knob: 'MUON_LR', value: '0.05' }], { kind: 'repeat', base: moved, seed: 77 }),
    diff: { text: muon, base: old },
  })
  await hub.plan(given(hub, 24, warmdown, { base: moved }))
  await hub.plan(given(hub, 25, 'this is no patch\n', { base: moved }))
  await hub.plan(
    hub.experiment(26, {
      kind: 'screen',
      base: moved,
      hypothesis: { id: 'h0026', title: 'Make it better', origin: 'human', edits: [] },
    }),
  )
  await hub.plan(knobs(hub, 27, [{ knob: 'MUON_LR', value: '0.06' }], { base: moved }))
  const agent = hub.agent('a1')
  const outcome = async (id: string) => {
    const r = await hub.result(id)
    return `${r.outcome} ${r.cause ?? ''}`
  }
  assert.equal(await outcome('e0021'), 'measured ')
  assert.match(await outcome('e0022'), /^conflict the diff of \w+ does not apply/)
  assert.equal(await outcome('e0023'), 'measured ')
  assert.match(
    (await hub.result('e0023')).diff,
    /-constexpr float MUON_LR = 0\.06f;\n\+constexpr float MUON_LR = 0\.05f;/,
  )
  assert.equal(await outcome('e0024'), 'measured ')
  assert.match(await outcome('e0025'), /^diff-rejected git refuses the diff/)
  assert.match(await outcome('e0026'), /^empty-diff the search researcher/)
  assert.match(await outcome('e0027'), /^empty-diff the edit changes nothing/)
  agent.kill('SIGINT')
  assert.equal(await agent.ended, 0)
  await run('git', ['reset', '-q', '--hard', old], { cwd: c.dir })
})

test('a trainer sees no secret; the same source again is a duplicate; another track is not run; no data here: fetched from the hub', async () => {
  await publishData(hub)
  await hub.plan(given(hub, 31, await faultDiff(hub.checkout, 'secrets')))
  const agent = hub.agent('a3', ['--data', join(hub.dir, 'nothing-here')])
  assert.equal((await hub.result('e0031')).outcome, 'measured')
  assert.ok(existsSync(join(hub.home, 'data', hub.checkout.manifest, 'val.bin')))
  hub.duplicateOf = 'e0003'
  await hub.plan(knobs(hub, 32, [{ knob: 'MUON_LR', value: '0.04' }]))
  assert.match((await hub.result('e0032')).cause ?? '', /e0003/)
  assert.equal((await hub.result('e0032')).outcome, 'duplicate')
  hub.duplicateOf = undefined
  await hub.plan(hub.experiment(33, { track: 'f'.repeat(64) }))
  const strange = await hub.result('e0033')
  assert.equal(strange.outcome, 'infra-failed')
  assert.match(strange.cause ?? '', /another track/)
  hub.bus.control('a3', { do: 'drain', reason: 'enough' })
  assert.equal(await agent.ended, 0)
  assert.ok(hub.asked.includes('leave: drained'))
})
