// What the coordinator makes of a message that is no result, and how it ends when it cannot go on.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Bus, openBus } from '@swarm/shared/bus'
import { type FactOf, Fact } from '@swarm/shared/event'
import type { Result } from '@swarm/shared/result'
import { consumer, subject } from '@swarm/shared/subjects'
import { type Home, openHome } from '../support/home.ts'
import { RECIPE } from './bowl.ts'
import { Lane } from './lane.ts'

let home: Home
let bus: Bus
let lane: Lane
before(async () => {
  home = await openHome(RECIPE)
  await home.coordinator('--seed', '5', '--agents', '1').ready
  bus = await openBus({ url: home.server.url, name: 'a1' })
  lane = new Lane(home, bus, 'a1')
  await lane.join()
})
after(async () => {
  await bus.close()
  await home.close()
})

async function recorded(experiment: string): Promise<Result | undefined> {
  const m = await (await bus.manager()).streams.getMessage('LEDGER', {
    last_by_subj: `ledger.experiment-recorded.${experiment}`,
  })
  const fact = m === null ? undefined : Fact.parse(m.json())
  return fact?.type === 'experiment-recorded' ? fact.result : undefined
}

/** Publishes on RES and waits until the coordinator has taken it. */
async function said(experiment: string, body: unknown, agent = 'a1'): Promise<void> {
  const { seq } = await bus.js.publish(subject.result(agent, experiment), JSON.stringify(body))
  const results = await bus.js.consumers.get('RES', consumer.results)
  for (let i = 0; (await results.info()).ack_floor.stream_seq < seq; i++) {
    if (i > 400) throw new Error(`result ${seq} was not taken`)
    await new Promise((r) => setTimeout(r, 25))
  }
}

test('what is no result ends the claim as an outage, and the lane goes on', async () => {
  await lane.once()
  await lane.once()
  const broken = await lane.claim()
  assert.ok(broken !== undefined)
  await said(broken.experiment.id, { outcome: 'wonderful' })
  await broken.done()
  assert.equal((await recorded(broken.experiment.id))?.outcome, 'infra-failed')
  assert.ok(await lane.once())
})

test('a baseline without a score ends the run: code 6, the reason on stderr; nobody is asked to try again', async () => {
  const other = await openHome(RECIPE)
  const theirs = await openBus({ url: other.server.url, name: 'a1' })
  try {
    const args = ['--seed', '1', '--agents', '1', '--experiments', '5']
    const first = other.coordinator(...args)
    await first.ready
    const only = new Lane(other, theirs, 'a1')
    await only.join()
    const claimed = await only.claim()
    assert.ok(claimed?.experiment.kind === 'baseline')
    const { measurement: _, ...honest } = await only.result(claimed.experiment)
    await only.handIn({ ...honest, outcome: 'build-failed', cause: 'no compiler' })
    assert.equal(await first.ended, 6, first.stderr())
    assert.match(first.stderr(), /baseline .* did not get a score: no compiler/)
    const again = other.coordinator(...args)
    assert.equal(await again.ended, 6, 'the same supervisor meets the same end')
    const next = other.coordinator(...args.slice(0, 4), '--experiments', '6')
    await next.ready
    const stops = await (await theirs.manager()).streams.getMessage('LEDGER', {
      last_by_subj: 'ledger.swarm-stopped.1',
    })
    assert.match((Fact.parse(stops?.json()) as FactOf<'swarm-stopped'>).reason, /no compiler/)
  } finally {
    await theirs.close()
    await other.close()
  }
})
