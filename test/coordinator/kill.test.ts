// kill -9 of the coordinator at any moment: nothing lost, nothing counted twice, and the same experiments as if nothing had happened.
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openBus } from '@swarm/shared/bus'
import { git } from '@swarm/shared/git'
import { openReader } from '@swarm/coordinator/board/read'
import { boardFolder, dump, openStore } from '@swarm/coordinator/board/store'
import type { Board } from '@swarm/coordinator/board/schema'
import { MOMENTS } from '@swarm/coordinator/crash'
import { hubFolder } from '@swarm/coordinator/hub'
import { Ledger } from '@swarm/coordinator/ledger'
import { RECIPE } from './bowl.ts'
import { Lane } from './lane.ts'
import { type CoordinatorProcess, type Home, openHome } from '../support/home.ts'

const EXPERIMENTS = 30
const KILLS = 20
const ARGS = ['--seed', '5', '--agents', '1', '--experiments', String(EXPERIMENTS)]
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** What two runs of one seed have in common: everything but clocks and commits' dates. */
function gist(board: Board): unknown[] {
  return [...board.experiments.values()]
    .filter((e) => e.result !== undefined)
    .sort((a, b) => (a.recorded?.seq ?? 0) - (b.recorded?.seq ?? 0))
    .map(({ experiment: e, result: r }) => [
      e.id,
      e.kind,
      e.seed,
      e.base,
      e.hypothesis?.title,
      r?.outcome,
      r?.measurement?.valBpb,
      r?.diff,
    ])
}

/** One agent works until the run is over; the coordinator is killed meanwhile and started again, as a supervisor would. */
async function play(home: Home, kills: number): Promise<{ board: Board; killed: number; moments: Set<string> }> {
  const bus = await openBus({ url: home.server.url, name: 'a1', patient: true })
  let current: CoordinatorProcess = home.coordinator(...ARGS)
  let spared: CoordinatorProcess | undefined
  let killed = 0
  let over = false
  // Each moment between two writes gets its turn, besides moments that the clock chooses.
  const doom = kills === 0 ? [] : [...MOMENTS]
  const moments = new Set<string>()
  const supervised = (async () => {
    for (;;) {
      const how = await current.ended
      if (how !== 'SIGKILL') return assert.equal(how, 0, current.stderr())
      const moment = doom.shift()
      current = moment === undefined ? home.coordinator(...ARGS) : home.doomed(moment, ...ARGS)
      if (moment !== undefined) {
        spared = current
        moments.add(moment)
      }
    }
  })()
  // A coordinator that fails ends the test, and does not leave its loops waiting for ever.
  supervised.catch(() => {
    over = true
  })
  const reaper = (async () => {
    for (let i = 0; i < kills && !over; i++) {
      while (current === spared && !over) await pause(20)
      const victim = current
      // Every third one dies while it starts, the others some way into their work.
      if (i % 3 !== 0) await victim.ready.catch(() => {})
      await pause(20 + ((i * 137) % 700))
      if (over || victim !== current || victim === spared) continue
      victim.kill('SIGKILL')
      killed++
      await victim.ended
      while (current === victim && !over) await pause(5)
    }
  })()
  const lane = new Lane(home, bus, 'a1')
  const stopped = new Promise<void>((resolve) => bus.onControl('a1', () => resolve()))
  void stopped.then(() => {
    over = true
  })
  try {
    await lane.join()
    while (!over) if (!(await Promise.race([lane.once(), stopped.then(() => true)]))) await pause(20)
    await supervised
    await reaper
  } finally {
    over = true
    await bus.close()
  }
  const reader = openReader(home.home)
  const { board } = reader
  await reader.close()
  return { board, killed, moments }
}

async function invariants(home: Home, board: Board): Promise<void> {
  const recorded = [...board.facts.values()].filter((f) => f.type === 'experiment-recorded')
  assert.equal(
    new Set(recorded.map((f) => (f.type === 'experiment-recorded' ? f.result.experiment : ''))).size,
    recorded.length,
  )
  assert.ok(recorded.length >= EXPERIMENTS, `${recorded.length} experiments`)
  const handedIn = (await (await home.bus.manager()).streams.info('RES')).state.messages
  assert.ok(handedIn >= recorded.length)
  const bests = [...board.bests.values()].map((b) => b.best)
  for (const [i, b] of bests.entries()) if (i > 1) assert.ok((b.valBpb as number) < (bests[i - 1]?.valBpb as number))
  assert.ok(bests.length > 2, 'a run without promotions shows little')
  const log = await git(hubFolder(home.home), ['log', '--format=%H', 'best'])
  assert.deepEqual(
    log.split('\n').reverse(),
    bests.map((b) => b.commit),
  )
  assert.equal([...board.runs.values()].length, 1, 'it was one run')
}

/** The board made again from the stream alone. */
async function rebuilt(home: Home): Promise<string> {
  const store = await openStore(join(home.dir, 'again'))
  await new Ledger(home.bus, store, () => {}).catchUp()
  const text = dump(store.board)
  await store.close()
  return text
}

test(`${KILLS} kills, and the same experiments to the last digit as a run without`, { timeout: 900_000 }, async () => {
  const [quiet, rough] = [await openHome(RECIPE), await openHome(RECIPE)]
  try {
    assert.equal(quiet.head.length, 40)
    const [calm, hurt] = await Promise.all([play(quiet, 0), play(rough, KILLS)])
    await invariants(quiet, calm.board)
    assert.ok(hurt.killed + MOMENTS.length >= KILLS / 2, `only ${hurt.killed} kills hit`)
    assert.equal(hurt.moments.size, MOMENTS.length)
    await invariants(rough, hurt.board)
    assert.equal(await rebuilt(rough), dump(hurt.board))
    // Only the commit a run starts from differs between two homes, since it was made at another time.
    const relative = (b: Board, head: string): string => JSON.stringify(gist(b)).replaceAll(head, 'HEAD')
    if (quiet.head === rough.head) assert.equal(relative(hurt.board, rough.head), relative(calm.board, quiet.head))
    assert.deepEqual(
      gist(hurt.board).map((g) => (g as unknown[]).toSpliced(3, 1)),
      gist(calm.board).map((g) => (g as unknown[]).toSpliced(3, 1)),
    )
    await damaged(rough, hurt.board)
  } finally {
    await quiet.close()
    await rough.close()
  }
})

/** A board with flipped bits in a word is moved aside and made again, a lost hub is made again commit by commit; the run goes on. */
async function damaged(home: Home, board: Board): Promise<void> {
  const file = join(boardFolder(home.home), 'board.mdb')
  const bytes = readFileSync(file)
  let flipped = 0
  // All of them: some stand on pages that LMDB has let go of.
  for (let at = bytes.indexOf('"within-noise"'); at > 0; at = bytes.indexOf('"within-noise"', at + 1), flipped++)
    bytes[at + 3] = (bytes[at + 3] as number) ^ 1
  assert.ok(flipped > 0)
  writeFileSync(file, bytes)
  const best = (await git(hubFolder(home.home), ['log', '--format=%H', 'best'])).split('\n')
  rmSync(hubFolder(home.home), { recursive: true })
  const next = home.coordinator('--seed', '5', '--agents', '1')
  await next.ready
  assert.deepEqual((await git(hubFolder(home.home), ['log', '--format=%H', 'best'])).split('\n'), best)
  next.kill('SIGTERM')
  assert.equal(await next.ended, 0)
  const reader = openReader(home.home)
  const same = [...board.facts.keys()].every(
    (seq) => JSON.stringify(reader.board.facts.get(seq)) === JSON.stringify(board.facts.get(seq)),
  )
  assert.ok(same && reader.board.seq > board.seq)
  assert.match(readFileSync(join(home.home, 'logs/coordinator.log'), 'utf8'), /the board was damaged/)
  await reader.close()
}
