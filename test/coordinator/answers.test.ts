// The coordinator as agents and people meet it: a real process, asked and told things on the bus, honest ones and others.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Bus, openBus } from '@swarm/shared/bus'
import type { Experiment } from '@swarm/shared/experiment'
import { git } from '@swarm/shared/git'
import type { Result } from '@swarm/shared/result'
import { bundleObject, consumer, dataObject, subject } from '@swarm/shared/subjects'
import { type BoardReader, openReader } from '@swarm/coordinator/board/read'
import { hubFolder } from '@swarm/coordinator/hub'
import { RECIPE } from './bowl.ts'
import { insist, Lane, patch } from './lane.ts'
import { type CoordinatorProcess, EDITABLE, type Home, openHome } from '../support/home.ts'

let home: Home
let bus: Bus
let running: CoordinatorProcess
let reader: BoardReader
let lane: Lane
before(async () => {
  home = await openHome(RECIPE)
  running = home.coordinator('--seed', '1', '--agents', '1')
  const ready = await running.ready
  assert.deepEqual([ready.run, ready.pid], [1, running.pid])
  bus = await openBus({ url: home.server.url, name: 'a1' })
  reader = openReader(home.home)
  lane = new Lane(home, bus, 'a1')
})
after(async () => {
  await reader?.close()
  await bus?.close()
  await home?.close()
})

const machine = { host: 'here', cpu: 'any', cores: 1 }
const cpu = { kind: 'cpu' as const, cores: [0] }
const board = () => {
  reader.refresh()
  return reader.board
}
/** Hands a result in and waits until the coordinator has done with it, whatever it made of it. */
async function hand(result: Result, from = result.agent): Promise<void> {
  const { seq } = await bus.js.publish(subject.result(from, result.experiment), JSON.stringify(result))
  await insist(async () => {
    const { ack_floor } = await (await bus.manager()).consumers.info('RES', consumer.results)
    if (ack_floor.stream_seq < seq) throw new Error('still being looked at')
  })
}
const resultOf = (id: string): Result | undefined => board().experiments.get(id)?.result
const waiting = (kind: Experiment['kind']): Experiment => {
  const found = [...board().experiments.values()].find((e) => e.result === undefined && e.experiment.kind === kind)
  assert.ok(found, `no ${kind} waits`)
  return found.experiment
}

test('an agent joins: name, session, track, and a bundle to begin with', async () => {
  const reply = await bus.ask('join', { lane: cpu, machine, frozen: home.frozen })
  assert.ok('agent' in reply)
  assert.deepEqual([reply.agent, reply.session, reply.best, reply.seed], ['a1', 1, home.head, 1])
  assert.ok(await bus.hasObject(bundleObject(home.head)))
  for (const { sha256 } of reply.dataFiles) await insist(async () => assert.ok(await bus.hasObject(dataObject(sha256))))
  const other = await bus.ask('join', {
    name: 'a1',
    lane: cpu,
    machine: { ...machine, host: 'there' },
    frozen: home.frozen,
  })
  assert.match('refused' in other ? other.refused : '', /another name/)
  const stale = await bus.ask('join', { lane: cpu, machine, frozen: 'e'.repeat(64) })
  assert.match('refused' in stale ? stale.refused : '', /frozen sources.*build again/)
  const gpu = 'H200, 143771 MiB, driver 580, CUDA 13'
  const alien = await bus.ask('join', {
    lane: { ...cpu, kind: 'gpu', gpu: 0 },
    machine: { ...machine, gpu },
    frozen: home.frozen,
  })
  assert.ok('refused' in alien && /trains on cores, and this agent has H200.*could not be compared/.test(alien.refused))
  await lane.join()
  assert.equal(board().agents.get('a1-1')?.left?.reason, 'joined again')
  assert.equal(board().agents.get('a1-2')?.left, undefined)
})

test('a second coordinator on one home says who holds it', async () => {
  const second = home.coordinator('--seed', '1', '--agents', '1')
  assert.equal(await second.ended, 1)
  assert.match(second.stderr(), /another coordinator is at work/)
})

test('measured without a measurement is an outage, without a diff an empty one', async () => {
  await hand(await lane.result(waiting('baseline')))
  const { measurement: _, ...empty } = await lane.result(waiting('screen'))
  await hand(empty)
  assert.equal(resultOf(empty.experiment)?.outcome, 'infra-failed')
  const nothing = await lane.result(waiting('screen'))
  await hand({ ...nothing, diff: '' })
  assert.equal(resultOf(nothing.experiment)?.outcome, 'empty-diff')
})

test('hostile diffs in results come to diff-rejected, lose their score, and never reach best', async () => {
  const added = (file: string, mode = '100644', body = 'x'): string =>
    `diff --git a/${file} b/${file}\nnew file mode ${mode}\n--- /dev/null\n+++ b/${file}\n@@ -0,0 +1 @@\n+${body}\n`
  const inside = `${EDITABLE}train.cu`
  const hostile = [
    added(`${EDITABLE}../harness/x.cu`),
    added('../x.cu'),
    added('/etc/x.cu'),
    added(`${EDITABLE}l.cu`, '120000'),
    added(`${EDITABLE}x.cu`, '100755'),
    added(`${EDITABLE}.gitattributes`),
    added('.gitmodules'),
    added('trainer-native/judge/x.h'),
    added('trainer-native/Makefile'),
    `diff --git a/${inside} b/${inside}\nold mode 100644\nnew mode 100755\n`,
    `diff --git a/${inside} b/x.cu\nsimilarity index 100%\nrename from ${inside}\nrename to x.cu\n`,
    `diff --git a/${EDITABLE}m.h b/${EDITABLE}m.h\nnew file mode 160000\n--- /dev/null\n+++ b/${EDITABLE}m.h\n@@ -0,0 +1 @@\n+Subproject commit ${'1'.repeat(40)}\n`,
    added(`${EDITABLE}b.h`, '100644', 'a\0b'),
    added(`${EDITABLE}big.h`, '100644', 'ü'.repeat(100_000)),
    'no diff',
  ]
  assert.ok(hostile.length >= 12)
  for (const diff of hostile) {
    const e = waiting('screen')
    // It claims a score nobody can beat.
    const honest = await lane.result(e)
    await hand({
      ...honest,
      diff,
      measurement: { ...(honest.measurement as NonNullable<Result['measurement']>), valBpb: 0.1 },
    })
    const kept = resultOf(e.id)
    assert.deepEqual([kept?.outcome, kept?.measurement], ['diff-rejected', undefined], diff.slice(0, 60))
    assert.ok((kept?.cause ?? '').length > 10)
    const key = board().hypotheses.get(e.hypothesis?.id ?? '')?.finding ?? ''
    assert.equal(board().findings.get(key)?.finding.outcome, 'diff-rejected')
  }
  assert.equal(board().bests.size, 1)
  assert.equal(await git(hubFolder(home.home), ['rev-parse', 'best']), home.head)
})

test('a diff written another way is kept as git writes it', async () => {
  const e = waiting('screen')
  const honest = await lane.result(e)
  await hand({ ...honest, diff: `Dear reader, hidden words.\n\n${honest.diff}` })
  assert.deepEqual([resultOf(e.id)?.outcome, resultOf(e.id)?.diff], ['measured', honest.diff])
})

test('suggestions: knobs and diffs are checked, and come before the search', async () => {
  const ask = (edits: { knob: string; value: string }[], diff?: string) =>
    bus.ask('suggest', { title: 'Try this', edits, by: 'me', ...(diff === undefined ? {} : { diff }) })
  for (const [edits, why] of [
    [[{ knob: 'NO_SUCH', value: '1' }], /there is no knob/],
    [[{ knob: 'DEPTH', value: '99' }], /lies in/],
    [[{ knob: 'DEPTH', value: '4' }], /already/],
  ] as const) {
    const reply = await ask([...edits])
    assert.match('refused' in reply ? reply.refused : 'accepted', why)
  }
  const evil = await ask([], 'diff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n')
  assert.match('refused' in evil ? evil.refused : 'accepted', /only files below/)
  const good = await ask([], await patch(hubFolder(home.home), home.head, RECIPE.replace('DEPTH = 4', 'DEPTH = 6')))
  assert.ok('hypothesis' in good)
  const plan = [...board().experiments.values()].find((e) => e.experiment.hypothesis?.id === good.hypothesis)
  assert.equal(plan?.experiment.hypothesis?.origin, 'human')
  const lines = Object.keys(
    (await (await bus.manager()).streams.info('WORK', { subjects_filter: 'work.>' })).state.subjects ?? {},
  )
  assert.ok(lines.includes(subject.workFirst(plan?.experiment.id ?? '')))
})

test('what was run before is said to be a duplicate', async () => {
  const measured = [...board().experiments.values()].find(
    (e) => e.experiment.kind === 'screen' && e.result?.outcome === 'measured',
  )?.result
  const e = waiting('screen')
  assert.equal(
    (await bus.ask('duplicate', { experiment: e.id, tree: measured?.tree ?? '', diff: '' })).duplicateOf,
    measured?.experiment,
  )
  assert.equal(
    (await bus.ask('duplicate', { experiment: e.id, tree: 'f'.repeat(40), diff: '' })).duplicateOf,
    undefined,
  )
})

test('an agent that leaves gives its own line back to all', async () => {
  const second = new Lane(home, bus, 'b2')
  await second.join()
  const id = waiting('screen').id
  const mine = subject.workFor('b2', id)
  await (await bus.manager()).streams.deleteMessage(
    'WORK',
    (await (await bus.manager()).streams.getMessage('WORK', { last_by_subj: subject.workAny(id) }))?.seq ?? 0,
  )
  await bus.js.publish(mine, JSON.stringify(board().experiments.get(id)?.experiment))
  await bus.ask('leave', { agent: 'b2', session: 1, reason: 'done' })
  const lines = Object.keys(
    (await (await bus.manager()).streams.info('WORK', { subjects_filter: 'work.>' })).state.subjects ?? {},
  )
  assert.ok(lines.includes(subject.workAny(id)) && !lines.includes(mine))
})

test('a commit the hub does not have has no bundle', async () => {
  const reply = await bus.ask('bundle', { commit: 'c'.repeat(40) })
  assert.match('refused' in reply ? reply.refused : '', /no commit/)
})

test('SIGTERM: goodbye to all, the run is stopped, exit 0; the next start is the next run', async () => {
  const told = new Promise<string>((resolve) => bus.onControl('a1', (c) => resolve(c.do)))
  await bus.nc.flush()
  running.kill('SIGTERM')
  assert.equal(await told, 'stop')
  assert.equal(await running.ended, 0)
  assert.equal(board().runs.get(1)?.stopped?.reason, 'stopped by a person')
  const next = home.coordinator('--seed', '1', '--agents', '1', '--minutes', '0.02')
  assert.equal((await next.ready).run, 2)
  assert.ok(
    [...board().agents.values()].every((a) => a.left !== undefined),
    'nobody of the run before is here',
  )
  assert.equal(await next.ended, 0)
  assert.match(board().runs.get(2)?.stopped?.reason ?? '', /minutes are over/)
})

test('no data set, no build, no checkout: each says what to type', async () => {
  const without = (flag: string, value: string): Promise<string> => {
    const p = home.coordinator(`--${flag}`, value)
    return p.ended.then((code) => `${code} ${p.stderr()}`)
  }
  assert.match(await without('data', join(home.dir, 'nowhere')), /^6 .*swarm prepare/)
  assert.match(await without('checkout', join(home.dir, 'nowhere')), /^6 .*make -C/)
  assert.match(await without('budget', 'a while'), /^6 .*a budget is work:20s/)
})
