// All an agent has, in one place, for the loop to hand to its steps; and the order in which results leave it.
import { type Bus, HubUnreachable } from '@swarm/shared/bus'
import type { Machine } from '@swarm/shared/event'
import type { Experiment } from '@swarm/shared/experiment'
import type { GpuWatch } from '@swarm/shared/gpu'
import { isDeterministic, machineClass, trackOf } from '@swarm/shared/track'
import type { Backend } from '@swarm/shared/trainer'
import type { Walls } from '@swarm/shared/walls'
import type { DataSet } from './data.ts'
import type { Ending } from './ending.ts'
import type { Controls } from './controls.ts'
import type { Claim, Lease } from './lease.ts'
import type { Ledger } from './ledger.ts'
import type { Membership } from './membership.ts'
import type { Kept, Outbox } from './outbox.ts'
import type { Places } from './places.ts'
import { Proposing } from './proposing.ts'
import type { Pulse } from './pulse.ts'
import type { Researcher } from './researchers/researcher.ts'
import type { Slot, Worktree } from './tree.ts'
import { Backoff, pause } from './waiting.ts'
import type { Workshop } from './workshop.ts'

/** How long a result may take from the hub to the ledger before the agent goes on without having seen it. */
const RECORDED_MS = 30_000

/** What a driver keeps on a GPU nobody uses. */
const EMPTY_MIB = 1_024
const EMPTY_MS = 30_000

export interface Equipment {
  bus: Bus
  ledger: Ledger
  membership: Membership
  places: Places
  /** Put before a program to run it on the lane's cores; before a trainer, to hold what it starts; and before trainer and judge, to keep them to what they need. */
  onLane: readonly string[]
  jail: readonly string[]
  walls: Walls
  /** Environment and threads of a trainer on this lane. */
  env: Record<string, string>
  workers: number
  backend: Backend
  machine: Machine
  /** The GPU of a GPU lane. */
  gpu?: GpuWatch
  data: () => Promise<DataSet>
  workshop: Workshop
  judge: string
  researcher: Researcher
  /** Only where lessons are written. */
  controls?: Controls
  worktrees: { at(slot: Slot, base: string): Promise<Worktree> }
  outbox: Outbox
  pulse: Pulse
  lease?: Lease
  /** Fires when the agent must leave now. */
  leaving: AbortSignal
}

export class Agent {
  /** Told to finish what runs and then leave. */
  draining = false
  readonly proposing = new Proposing()
  #last: Promise<void> = Promise.resolve()
  #rest: Promise<void> = Promise.resolve()
  /** Resolves when the GPU is free, for who asks next. */
  #device: Promise<void> = Promise.resolve()
  /** Why the GPU of this lane counts as sick, from the moment a trainer or the judge says so. */
  #deviceFailed: string | undefined
  readonly #backoff = new Backoff()

  constructor(readonly has: Equipment) {}

  get name(): string {
    return this.has.membership.current.agent
  }

  /** Marks this agent's trainers, apart from those of other agents and other homes. */
  get mark(): string {
    return this.has.places.runs
  }

  get goesOn(): boolean {
    return !this.draining && !this.has.leaving.aborted
  }

  /** People let this agent rest: it claims nothing until they say go on. */
  get paused(): boolean {
    return this.has.membership.rest.paused
  }

  /** Sends a result, once there is one, after all that were handed over before it; and ends its claim when the hub has it. */
  report(coming: Promise<Kept | undefined>, claim: Claim): void {
    const before = this.#last
    this.#last = (async () => {
      await before
      const kept = await coming
      if (kept === undefined) return
      await this.#send(kept)
      claim.end()
      if (this.#deviceFailed !== undefined) this.has.gpu?.fail(this.#deviceFailed)
    })()
  }

  /**
   * Resolves when the last result is on the ledger and the work that follows from it is handed out. Claiming only then makes
   * the order of everything a matter of the seed alone when there is one agent (docs/decisions/0003). Also rests after outages.
   */
  async settled(): Promise<void> {
    await this.has.membership.settled()
    await this.#last
    await this.#rest
  }

  async #send(kept: Kept): Promise<void> {
    const { ledger, outbox, leaving, bus } = this.has
    const { experiment } = kept.result
    const recorded = ledger.wait(
      (fact) => fact.type === 'experiment-recorded' && fact.result.experiment === experiment,
      leaving,
    )
    if ((await outbox.send(kept, leaving)) === 'kept') return recorded.forget()
    const seq = await recorded.within(RECORDED_MS)
    if (seq !== undefined) await ledger.decided(seq, RECORDED_MS, leaving)
    else if (!leaving.aborted)
      bus.log(`${experiment}: sent, but not on the ledger after ${RECORDED_MS / 1000} s; going on`)
  }

  /**
   * Runs steps of one claim. An outage becomes `infra-failed`, never the idea's fault. Undefined when the agent leaves or the
   * claim was lost meanwhile: then nothing may be said, whatever came out.
   */
  async bear<T>(claim: Claim, steps: (signal: AbortSignal) => Promise<T | Ending>): Promise<T | Ending | undefined> {
    const signal = AbortSignal.any([this.has.leaving, claim.lost])
    let made: T | Ending
    try {
      made = await steps(signal)
    } catch (error) {
      const { message, cause } = error as Error
      made = { outcome: 'infra-failed', cause: cause instanceof Error ? `${message} (${cause.message})` : message }
    }
    if (signal.aborted) return undefined
    this.#weather(made)
    return made
  }

  /** After infrastructure failed, ever longer rests before the next claim; anything else ends them. */
  #weather(made: unknown): void {
    const ending = made as Partial<Ending> | undefined
    if (ending?.outcome !== 'infra-failed') return this.#backoff.reset()
    if (ending.deviceFailed && this.has.gpu !== undefined) {
      // The outage is told first, so that the coordinator plans the work anew; then the lane is given up, see report().
      this.#deviceFailed ??= ending.cause ?? 'the device failed'
      this.draining = true
    }
    const ms = this.#backoff.next()
    this.has.bus.log(`infrastructure failed: ${ending.cause ?? ''}; next claim in ${Math.round(ms / 1000)} s`)
    this.#rest = pause(ms, this.has.leaving)
  }

  /**
   * One program at a time on a GPU: two would share its memory, and one would take time from the other's budget. On cores what runs
   * beside a run is nice instead.
   */
  async alone<T>(steps: () => Promise<T>): Promise<T> {
    if (this.has.gpu === undefined) return steps()
    const before = this.#device
    let free: () => void = () => {}
    this.#device = new Promise<void>((resolve) => {
      free = resolve
    })
    await before
    try {
      return await steps()
    } finally {
      free()
    }
  }

  /** Nothing is begun on a GPU that somebody else still holds: the run would be slower, or fail. */
  async gpuHeld(signal: AbortSignal): Promise<Ending | undefined> {
    const { gpu } = this.has
    if (gpu === undefined || (await gpu.empty(EMPTY_MIB, EMPTY_MS, signal))) return undefined
    if (signal.aborted) return { outcome: 'infra-failed', cause: 'it was ended while it waited for its GPU' }
    const cause = `${EMPTY_MS / 1000} s after the last run more than ${EMPTY_MIB} MiB of its memory are still held`
    gpu.fail(cause)
    return { outcome: 'infra-failed', cause: `gpu ${gpu.index}: ${cause}` }
  }

  /** Why this agent cannot run an experiment of that track; undefined when it can. Of cores under a budget of time only the coordinator knows the class. */
  strangeTrack({ budget, track, id }: Experiment, manifest: string): string | undefined {
    const { machine: here, workshop, membership } = this.has
    if (here.gpu === undefined && !isDeterministic(budget)) return undefined
    const { scale } = membership.current.program
    const machine = machineClass(budget, here)
    if (trackOf({ manifest, frozen: workshop.frozen, budget, machine, scale }) === track) return undefined
    return `${id} belongs to another track: its data set, its trainer or its kind of device is not the one this agent has`
  }
}

/** Tries until the hub answers or the signal fires. */
export async function patiently<T>(signal: AbortSignal, question: () => Promise<T>): Promise<T> {
  const backoff = new Backoff(250, 5_000)
  for (;;) {
    try {
      return await question()
    } catch (error) {
      if (!(error instanceof HubUnreachable) || signal.aborted) throw error
      await backoff.wait(signal)
    }
  }
}
