// An agent that trains nothing: it joins, claims, answers with the bowl's score, and lives through everything its coordinator does.
// It claims like a real one: only after everything that follows from its last result is out.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Bus } from '@swarm/shared/bus'
import { Experiment } from '@swarm/shared/experiment'
import { DIFF_FLAGS, git } from '@swarm/shared/git'
import { isSentence } from '@swarm/shared/hypothesis'
import { setKnobs } from '@swarm/shared/knobs'
import { reads, type ResearcherOf } from '@swarm/shared/researcher'
import { NO_COST, type Result } from '@swarm/shared/result'
import { consumer, subject } from '@swarm/shared/subjects'
import { hubFolder, sourceAt } from '@swarm/coordinator/hub'
import { EDITABLE, type Home } from '../support/home.ts'
import { score } from './bowl.ts'
import { measurement } from './script.ts'

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Long enough for a coordinator that is killed several times while it starts, on a machine that has other work. */
const PATIENCE_MS = 120_000

/** Asks until somebody answers: the coordinator may be dead at any time. */
export async function insist<T>(ask: () => Promise<T>, inVain: () => boolean = () => false): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      if (inVain() || Date.now() > deadline) throw error
      await pause(50)
    }
  }
}

/** The patch that gives the recipe at `base` this text, as git writes it. */
export async function patch(hub: string, base: string, text: string): Promise<string> {
  const scratch = mkdtempSync(join(tmpdir(), 'swarm-patch-'))
  try {
    const env = { GIT_INDEX_FILE: join(scratch, 'index') }
    await git(hub, ['read-tree', base], { env })
    const blob = await git(hub, ['hash-object', '-w', '--stdin'], { input: text })
    await git(hub, ['update-index', '--cacheinfo', `100644,${blob},${EDITABLE}train.cu`], { env })
    const diff = await git(hub, ['diff-index', '--cached', '-p', ...DIFF_FLAGS, base], { env })
    return diff === '' ? '' : `${diff}\n`
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

export class Lane {
  /** Ids in the order they were run. */
  readonly ran: string[] = []
  fence = 1

  constructor(
    readonly home: Home,
    readonly bus: Bus,
    readonly name: string,
    /** With one that reads it claims sentences, and writes them as a comment into the recipe. */
    readonly researcher?: ResearcherOf,
  ) {}

  /** Nobody answers over a bus that was closed. */
  #insist<T>(ask: () => Promise<T>): Promise<T> {
    return insist(ask, () => this.bus.nc.isClosed())
  }

  async join(): Promise<void> {
    const request = {
      name: this.name,
      lane: { kind: 'cpu' as const, cores: [0] },
      machine: { host: 'here', cpu: 'any', cores: 1 },
      frozen: this.home.frozen,
      ...(this.researcher === undefined ? {} : { researcher: this.researcher }),
    }
    const reply = await this.#insist(() => this.bus.ask('join', request, 2_000))
    if ('refused' in reply) throw new Error(reply.refused)
    const beat = (): void => this.bus.beat({ agent: reply.agent, session: reply.session, at: '', phase: 'train' })
    beat()
    setInterval(beat, 1_000).unref()
  }

  /** What waits for this agent, or undefined. The work is acknowledged by calling `done`. */
  async claim(): Promise<{ experiment: Experiment; done: () => Promise<unknown> } | undefined> {
    for (const line of [
      consumer.workFor(this.name),
      consumer.workFirst,
      reads(this.researcher) ? consumer.workRead : consumer.workAny,
    ]) {
      const ask = JSON.stringify({ batch: 1, no_wait: true })
      const m = await this.#insist(() =>
        this.bus.nc.request(`$JS.API.CONSUMER.MSG.NEXT.WORK.${line}`, ask, { timeout: 2_000, noMux: true }),
      )
      if (m.headers?.code || !m.reply) continue
      const { reply } = m
      this.fence = Number(reply.split('.')[4])
      return {
        experiment: Experiment.parse(m.json()),
        done: () => this.#insist(() => this.bus.nc.request(reply, '+ACK', { timeout: 2_000 })),
      }
    }
    return undefined
  }

  async result(e: Experiment): Promise<Result> {
    const hub = hubFolder(this.home.home)
    const base = await sourceAt(hub, e.base, EDITABLE)
    const set = setKnobs(base, e.hypothesis?.edits ?? [])
    const written = e.hypothesis !== undefined && isSentence(e.hypothesis) ? `${base}// ${e.hypothesis.title}\n` : base
    const source = 'refused' in set || set.source === base ? written : set.source
    return {
      experiment: e.id,
      kind: e.kind,
      agent: this.name,
      fence: this.fence,
      outcome: 'measured',
      diff: await patch(hub, e.base, source),
      base: e.base,
      seed: e.seed,
      budget: e.budget,
      track: e.track,
      cost: { ...NO_COST, train: 0.01 },
      startedAt: new Date().toISOString(),
      endedAt: new Date().toISOString(),
      ...(e.hypothesis === undefined ? {} : { hypothesis: e.hypothesis.id }),
      measurement: {
        ...measurement(score(source, e.seed)),
        frozen: this.home.frozen,
        manifest: this.home.manifest,
        ...(e.split === undefined ? {} : { split: e.split }),
      },
    }
  }

  async handIn(result: Result): Promise<void> {
    await this.#insist(() =>
      this.bus.js.publish(subject.result(this.name, result.experiment), JSON.stringify(result), {
        msgID: `${result.experiment}:${result.fence}`,
      }),
    )
  }

  /** One experiment, claim to result; false when nothing waits. */
  async once(): Promise<boolean> {
    const claimed = await this.claim()
    if (claimed === undefined) return false
    await this.handIn(await this.result(claimed.experiment))
    await claimed.done()
    this.ran.push(claimed.experiment.id)
    await this.settled(claimed.experiment.id)
    return true
  }

  /** Waits until an experiment is on the ledger and everything that follows from it is out. */
  async settled(experiment: string): Promise<void> {
    const recorded = await this.#insist(async () => {
      const m = await (await this.bus.manager()).streams.getMessage('LEDGER', {
        last_by_subj: `ledger.experiment-recorded.${experiment}`,
      })
      if (m === null) throw new Error(`${experiment} is not recorded`)
      return m.seq
    })
    await this.#insist(async () => {
      const { seq } = await this.bus.ask('ping', {}, 2_000)
      if (seq < recorded) throw new Error(`decided up to ${seq}`)
    })
  }
}
