// A small swarm's life as facts: two agents, a baseline on three seeds, a screen that wins its repeat, one that loses, one that does not build.
import type { Event, Fact, Heartbeat } from '@swarm/shared/event'
import { NO_COST, type Result } from '@swarm/shared/result'

const hex = (c: string, n: number): string => c.repeat(n)
export const BASE = hex('a', 40)
export const NEXT = hex('b', 40)
export const TRACK = hex('c', 64)
export const START = Date.parse('2030-01-01T12:00:00Z')
let start = START
const at = (second: number): string => new Date(start + second * 1000).toISOString()

const program = {
  task: 'pretraining',
  metric: 'val_bpb' as const,
  direction: 'lower' as const,
  editable: 'trainer-native/experiment/',
  scale: 'cpu' as const,
  budget: 'work:15s',
  seeds: [1, 2, 3],
  noise: 0.004,
  threshold: 2,
  repeats: 1,
  timeoutFactor: 8,
  customOps: 'refused' as const,
  prose: '',
}

const TITLES: Record<string, string> = {
  h0001: 'Lower MUON_LR from 0.04 to 0.02',
  h0002: 'Raise DEPTH from 4 to 6',
  h0003: 'Set \u001b[31mSOFTCAP to 99\u202e',
}
const hypothesis = (id: string): { id: string; title: string; origin: 'search'; edits: [] } => ({
  id,
  title: TITLES[id] ?? id,
  origin: 'search',
  edits: [],
})

function planned(second: number, id: string, kind: 'baseline' | 'screen' | 'repeat', seed: number, h?: string): Fact {
  return {
    type: 'experiment-planned',
    at: at(second),
    experiment: {
      id,
      kind,
      base: BASE,
      seed,
      budget: 'work:15s',
      track: TRACK,
      round: 1,
      ...(h === undefined ? {} : { hypothesis: hypothesis(h) }),
    },
  }
}

function recorded(
  second: number,
  id: string,
  kind: Result['kind'],
  seed: number,
  agent: string,
  val: number | undefined,
  h?: string,
  more: Partial<Result> = {},
): Fact {
  const measurement =
    val === undefined
      ? {}
      : {
          measurement: {
            valBpb: val,
            steps: 500,
            tokens: 512_000,
            trainLoss: 1.3,
            trainingSeconds: 15,
            workSeconds: 15,
            evalSeconds: 2,
            peakBytes: 8e7,
            paramsM: 1,
            depth: 4,
            checkpoint: hex('d', 64),
            frozen: hex('e', 64),
            manifest: hex('f', 64),
            isa: 'avx2',
            trust: 'proved' as const,
          },
        }
  return {
    type: 'experiment-recorded',
    at: at(second),
    result: {
      experiment: id,
      kind,
      agent,
      fence: 1,
      outcome: val === undefined ? 'build-failed' : 'measured',
      diff: '',
      base: BASE,
      seed,
      budget: 'work:15s',
      track: TRACK,
      cost: { ...NO_COST, train: 15, judge: 2.25, total: 40 },
      startedAt: at(second - 17),
      endedAt: at(second),
      ...(h === undefined ? {} : { hypothesis: h }),
      ...measurement,
      ...more,
    },
  }
}

const joined = (agent: string, core: number): Fact => ({
  type: 'agent-joined',
  at: at(1),
  agent,
  session: 1,
  lane: { kind: 'cpu', cores: [core] },
  machine: { host: 'lab', cpu: 'x', cores: 2 },
})

/** The story, beginning at `from` (ms since 1970). */
export function facts(from = START): Fact[] {
  start = from
  return [
    { type: 'swarm-started', at: at(0), run: 1, seed: 1, agents: 2, experiments: 24 },
    {
      type: 'program-adopted',
      at: at(0),
      n: 1,
      program,
      budget: 'work:15s',
      track: TRACK,
      manifest: hex('f', 64),
      frozen: hex('e', 64),
    },
    { type: 'best-moved', at: at(0), best: { n: 0, commit: BASE, seeds: [] } },
    planned(0, 'e0001', 'baseline', 1),
    planned(0, 'e0002', 'baseline', 2),
    planned(0, 'e0003', 'baseline', 3),
    joined('a1', 0),
    joined('a2', 1),
    recorded(18, 'e0001', 'baseline', 1, 'a1', 1.87),
    recorded(18, 'e0002', 'baseline', 2, 'a2', 1.872),
    recorded(36, 'e0003', 'baseline', 3, 'a1', 1.868),
    ...['h0001', 'h0002', 'h0003'].map(
      (h): Fact => ({ type: 'hypothesis-proposed', at: at(36), hypothesis: hypothesis(h) }),
    ),
    planned(36, 'e0004', 'screen', 1, 'h0001'),
    planned(36, 'e0005', 'screen', 1, 'h0002'),
    planned(36, 'e0006', 'screen', 1, 'h0003'),
    recorded(54, 'e0004', 'screen', 1, 'a1', 1.84, 'h0001'),
    {
      type: 'experiment-planned',
      at: at(54),
      agent: 'a2',
      experiment: {
        id: 'e0007',
        kind: 'repeat',
        base: BASE,
        seed: 2,
        budget: 'work:15s',
        track: TRACK,
        round: 1,
        hypothesis: hypothesis('h0001'),
      },
    },
    recorded(54, 'e0005', 'screen', 1, 'a2', 1.9, 'h0002'),
    {
      type: 'finding-published',
      at: at(54),
      finding: {
        hypothesis: 'h0002',
        round: 1,
        title: TITLES.h0002 as string,
        verdict: 'refuted',
        outcome: 'no-gain',
        base: BASE,
        gain: -0.03,
        noise: 0.004,
        lesson: 'Deeper costs steps.',
        pairs: [{ seed: 1, experiment: 'e0005', control: 'e0001', valBpb: 1.9, baseBpb: 1.87, gain: -0.03 }],
      },
    },
    recorded(58, 'e0006', 'screen', 1, 'a1', undefined, 'h0003', { cause: 'error: expected ; before }\u001b[2J' }),
    recorded(72, 'e0007', 'repeat', 2, 'a2', 1.848, 'h0001'),
    {
      type: 'finding-published',
      at: at(72),
      finding: {
        hypothesis: 'h0001',
        round: 1,
        title: TITLES.h0001 as string,
        verdict: 'confirmed',
        outcome: 'improved',
        base: BASE,
        gain: 0.024,
        noise: 0.004,
        lesson: 'Half the rate helps.',
        pairs: [{ seed: 2, experiment: 'e0007', control: 'e0002', valBpb: 1.848, baseBpb: 1.872, gain: 0.024 }],
      },
    },
    {
      type: 'best-moved',
      at: at(72),
      previous: BASE,
      best: {
        n: 1,
        commit: NEXT,
        valBpb: 1.846,
        gain: 0.024,
        hypothesis: 'h0001',
        title: TITLES.h0001 as string,
        agent: 'a1',
        seeds: [2],
      },
    },
  ]
}

export const EVENTS: readonly Event[] = facts().map((fact, i) => ({ seq: i + 1, fact }))

export const beat = (agent: string, step: number): Heartbeat => ({
  agent,
  session: 1,
  at: at(80),
  phase: 'train',
  experiment: 'e0008',
  title: 'Halve the window of every other layer',
  step,
  steps: 500,
  progress: step / 500,
  elapsed: step / 30,
  loss: 1.4,
})
