// The pulse of an agent: what it does now, twice a second while it trains, every 5 s otherwise, and at once when the phase changes.
import type { Bus } from '@swarm/shared/bus'
import type { Heartbeat } from '@swarm/shared/event'
import type { GpuUse } from '@swarm/shared/gpu'

export type Doing = Omit<Heartbeat, 'agent' | 'session' | 'at'>

/** What a trainer says of itself. */
export interface Seen {
  step: number
  steps?: number | null | undefined
  loss?: number | null | undefined
  progress?: number | null | undefined
}

const BUSY_MS = 500
const IDLE_MS = 5_000

export class Pulse {
  #lane: Doing = { phase: 'idle' }
  #beside: { experiment?: string; phase: Doing['phase'] } | undefined
  #sent = 0
  #began = 0
  readonly #timer: NodeJS.Timeout

  constructor(
    private readonly bus: Bus,
    private readonly who: () => { agent: string; session: number },
    /** An idle lane of an agent that rests says so. */
    private readonly paused: () => boolean = () => false,
    private readonly gpu: () => GpuUse | undefined = () => undefined,
  ) {
    this.#timer = setInterval(() => this.#beat(false), BUSY_MS / 2)
    this.#beat(true)
  }

  /** What the lane does. */
  lane(doing: Doing): void {
    if (doing.experiment !== this.#lane.experiment) this.#began = performance.now()
    const changed = doing.phase !== this.#lane.phase || doing.experiment !== this.#lane.experiment
    this.#lane = doing
    if (changed) this.#beat(true)
  }

  /** A line of the trainer. */
  training(experiment: string, title: string, { step, steps, loss, progress }: Seen): void {
    this.lane({
      phase: 'train',
      experiment,
      title,
      step,
      ...(steps == null ? {} : { steps }),
      ...(loss == null ? {} : { loss }),
      ...(progress == null ? {} : { progress }),
    })
  }

  /** That experiment is over; the lane is idle unless another one has it already. */
  over(experiment: string): void {
    if (this.#lane.experiment === experiment) this.lane({ phase: 'idle' })
  }

  /** What is prepared beside the lane; shown as the lane's own phase while the lane has nothing. */
  beside(doing: { experiment?: string; phase: Doing['phase'] } | undefined): void {
    const changed = this.#lane.phase === 'idle' && doing?.phase !== this.#beside?.phase
    this.#beside = doing
    if (changed) this.#beat(true)
  }

  /** Says now what may have changed besides the phase. */
  again(): void {
    this.#beat(true)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#lane = { phase: 'leaving' }
    this.#beside = undefined
    this.#beat(true)
  }

  #beat(now: boolean): void {
    const idle = this.#lane.phase === 'idle'
    const since = performance.now() - this.#sent
    if (!now && since < (idle ? IDLE_MS : BUSY_MS)) return
    this.#sent = performance.now()
    const next = this.#beside?.experiment
    const doing: Doing =
      idle && this.#beside !== undefined
        ? { phase: this.#beside.phase, ...(next === undefined ? {} : { experiment: next }) }
        : {
            ...(idle && this.paused() ? { phase: 'paused' as const } : this.#lane),
            ...(next === undefined ? {} : { next }),
            ...(idle ? {} : { elapsed: (performance.now() - this.#began) / 1000 }),
          }
    const gpu = this.gpu()
    this.bus.beat({ ...this.who(), at: new Date().toISOString(), ...doing, ...(gpu === undefined ? {} : { gpu }) })
  }
}
