// Veto, focus, pause and a changed program.md as people meet them: questions to a coordinator that is a real process.
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Bus, openBus } from '@swarm/shared/bus'
import type { Experiment } from '@swarm/shared/experiment'
import { subject } from '@swarm/shared/subjects'
import { type BoardReader, openReader } from '@swarm/coordinator/board/read'
import { RECIPE } from './bowl.ts'
import { insist, Lane } from './lane.ts'
import { type CoordinatorProcess, type Home, openHome } from '../support/home.ts'

let home: Home
let bus: Bus
let running: CoordinatorProcess
let reader: BoardReader
let a1: Lane
let a2: Lane
before(async () => {
  home = await openHome(RECIPE)
  running = home.coordinator('--seed', '1', '--agents', '2')
  await running.ready
  bus = await openBus({ url: home.server.url, name: 'people' })
  reader = openReader(home.home)
  a1 = new Lane(home, bus, 'a1')
  a2 = new Lane(home, bus, 'a2')
  await a1.join()
  await a2.join()
})
after(async () => {
  await reader?.close()
  await bus?.close()
  await home?.close()
})

const board = () => {
  reader.refresh()
  return reader.board
}
const lines = async (): Promise<string[]> =>
  Object.keys((await (await bus.manager()).streams.info('WORK', { subjects_filter: 'work.>' })).state.subjects ?? {})
const refusal = (reply: object): string => ('refused' in reply ? String(reply.refused) : 'taken')
/** Screens that wait for anybody, oldest first. */
const screens = async (): Promise<Experiment[]> =>
  (await lines())
    .filter((line) => line.startsWith('work.any.'))
    .map((line) => board().experiments.get(line.slice('work.any.'.length))?.experiment as Experiment)
    .sort((a, b) => (a.id < b.id ? -1 : 1))
const screen = async (): Promise<Experiment> => (await screens())[0] as Experiment

test('veto: taken out of the queue, shown with who and why, once; what is closed or not there is refused', async () => {
  const struck = await screen()
  const hypothesis = struck.hypothesis?.id as string
  assert.ok((await lines()).includes(subject.workAny(struck.id)))
  assert.deepEqual(await bus.ask('veto', { hypothesis, by: 'me', reason: 'no\u001b[31m good' }), { ok: true })
  assert.deepEqual(board().hypotheses.get(hypothesis)?.vetoed?.reason, 'no [31m good')
  assert.ok(!(await lines()).some((line) => line.endsWith(struck.id)))
  assert.match(refusal(await bus.ask('veto', { hypothesis, by: 'you' })), /vetoed before, by me/)
  assert.match(refusal(await bus.ask('veto', { hypothesis: 'h9999', by: 'me' })), /there is no hypothesis h9999/)
  // An agent that had it in hand hands its result in: it is kept, and nothing follows from it.
  await a1.handIn(await a1.result(struck))
  await a1.settled(struck.id)
  assert.equal(board().experiments.get(struck.id)?.result?.outcome, 'measured')
  assert.equal(board().hypotheses.get(hypothesis)?.finding, undefined)
})

test('focus: the next hypotheses are about it; the reply names the knobs', async () => {
  const before = board().hypotheses.size
  assert.deepEqual(await bus.ask('focus', { area: 'learning-rate', by: 'me' }), { knobs: ['MUON_LR', 'EMBED_LR'] })
  assert.deepEqual(await bus.ask('focus', { area: 'tokenizer', by: 'me' }), { knobs: [] })
  assert.deepEqual(await bus.ask('focus', { area: 'decay', by: 'me' }), { knobs: ['WEIGHT_DECAY'] })
  await bus.ask('veto', { hypothesis: (await screen()).hypothesis?.id as string, by: 'me' })
  const next = [...board().hypotheses.values()][before]?.hypothesis
  assert.ok(
    next?.edits.some((e) => e.knob === 'WEIGHT_DECAY'),
    next?.title,
  )
  assert.deepEqual(await bus.ask('focus', { by: 'me' }), { knobs: [] })
  assert.equal(reader.status().focus, 'decay')
  reader.refresh()
  assert.equal(reader.status().focus, undefined)
})

test('pause: what waits for that agent alone goes to the others, but for what it has in hand', async () => {
  while ([...board().experiments.values()].some((e) => e.experiment.kind === 'baseline' && e.result === undefined))
    await a1.once()
  const [held, waits] = (await screens()) as [Experiment, Experiment]
  // Both meant for a2, as a repeat would be; it runs the first.
  for (const e of [held, waits]) {
    const there = await (await bus.manager()).streams.getMessage('WORK', { last_by_subj: subject.workAny(e.id) })
    await (await bus.manager()).streams.deleteMessage('WORK', there?.seq ?? 0)
    await bus.js.publish(subject.workFor('a2', e.id), JSON.stringify(e))
  }
  bus.beat({ agent: 'a2', session: 1, at: '', phase: 'train', experiment: held.id })
  await bus.nc.flush()
  assert.match(
    refusal(await bus.ask('pause', { agent: 'a9', paused: true, by: 'me' })),
    /no agent a9 is here; here are a1, a2/,
  )
  assert.deepEqual(await bus.ask('pause', { agent: 'a2', paused: true, by: 'me' }), { ok: true })
  const now = await lines()
  assert.ok(now.includes(subject.workFor('a2', held.id)), 'it may finish that')
  assert.ok(!now.includes(subject.workFor('a2', waits.id)) && now.some((line) => line.endsWith(waits.id)))
  reader.refresh()
  const { agents } = reader.status()
  assert.deepEqual(
    agents.map((a) => [a.agent, a.paused]),
    [
      ['a1', false],
      ['a2', true],
    ],
  )
  // The next pulse is without it: it was given back, and goes to the others.
  bus.beat({ agent: 'a2', session: 1, at: '', phase: 'paused' })
  await insist(async () => assert.ok(!(await lines()).includes(subject.workFor('a2', held.id))))
  const facts = board().steering.size
  assert.deepEqual(await bus.ask('pause', { agent: 'a2', paused: true, by: 'me' }), { ok: true })
  assert.equal(board().steering.size, facts, 'nothing changed, so there is no fact')
})

test('who joins while all pause is told so; resume ends it', async () => {
  await bus.ask('pause', { agent: 'all', paused: true, by: 'me' })
  const machine = { host: 'here', cpu: 'any', cores: 1 }
  const joined = await bus.ask('join', { lane: { kind: 'cpu', cores: [0] }, machine, frozen: home.frozen })
  assert.ok('agent' in joined && joined.paused === true)
  await bus.ask('pause', { agent: 'all', paused: false, by: 'me' })
  const again = await bus.ask('join', {
    name: joined.agent,
    lane: { kind: 'cpu', cores: [0] },
    machine,
    frozen: home.frozen,
  })
  assert.ok('agent' in again && again.paused === undefined)
})

test("an agent's password opens no steering", async () => {
  const agent = await openBus({ url: home.server.agentUrl, name: 'a3' })
  const before = board().seq
  await assert.rejects(agent.ask('pause', { agent: 'all', paused: true, by: 'a3' }, 1_000))
  await assert.rejects(agent.ask('veto', { hypothesis: 'h0001', by: 'a3' }, 1_000))
  await assert.rejects(agent.ask('focus', { area: 'x', by: 'a3' }, 1_000))
  await agent.ask('ping', {})
  await agent.close()
  assert.equal(board().seq, before)
})

test('program.md edited: prose and thresholds hold from the next decision on, a fact; nobody has to join again', async () => {
  const file = join(home.checkout, 'program.md')
  const sessions = board().agents.size
  writeFileSync(file, '---\nbudget: work:1s\nnoise: 0.003\nthreshold: 2.5\n---\nMake the bowl much smaller.\n')
  await insist(async () => assert.equal(board().programs.size, 2))
  const [before, now] = [board().programs.get(1), board().programs.get(2)]
  assert.equal(now?.program.threshold, 2.5)
  assert.equal(now?.program.prose, 'Make the bowl much smaller.')
  assert.equal(now?.track, before?.track)
  assert.equal(board().agents.size, sessions)
})

test('what would make another track, and what cannot be read, is refused in one line and changes nothing', async () => {
  const file = join(home.checkout, 'program.md')
  const cases: [text: string, says: RegExp][] = [
    [
      '---\nbudget: work:2s\nnoise: 0.003\n---\nFaster.\n',
      /another budget \(work:2s instead of work:1s\).*waits for the next "swarm up"/,
    ],
    ['---\nbudget: work:1s\nseeds: [7, 8]\n---\nOther seeds.\n', /another seeds \(7,8 instead of 1,2,3\)/],
    ['---\nthreshhold: 2\n---\n', /unknown setting "threshhold".*The program before holds/],
  ]
  for (const [text, says] of cases) {
    writeFileSync(file, text)
    await insist(async () => assert.match(running.notes().at(-1) ?? '', says))
  }
  rmSync(file)
  await insist(async () => assert.match(running.notes().at(-1) ?? '', /program\.md is missing/))
  assert.equal(running.notes().length, cases.length + 1, 'each is said once')
  assert.equal(board().programs.size, 2)

  // Nor does a coordinator that is started again in the middle of the run take it over.
  writeFileSync(file, '---\nbudget: work:2s\nnoise: 0.003\n---\nFaster.\n')
  running.kill('SIGKILL')
  await running.ended
  running = home.coordinator('--seed', '1', '--agents', '2')
  await running.ready
  assert.match(running.notes()[0] ?? '', /another budget/)
  assert.equal(board().programs.size, 2)
  writeFileSync(file, '---\nbudget: work:1s\nnoise: 0.003\n---\nAs it was.\n')
  await insist(async () => assert.equal(board().programs.get(3)?.program.prose, 'As it was.'))
})
