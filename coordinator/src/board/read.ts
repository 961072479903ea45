// The board for readers: the CLI opens it read-only, whether the swarm is up or not.
import { existsSync } from 'node:fs'
import path from 'node:path'
import type { Event } from '@swarm/shared/event'
import { bestLine, type BestLine, experiments, type ExperimentLine, status, type Status } from './queries.ts'
import type { Board, FindingRecord, HypothesisRecord, ProgramRecord, RunRecord } from './schema.ts'
import { boardFolder, load, openEnvironment } from './store.ts'

/** There is no board in this home yet. */
export class NoBoard extends Error {
  override name = 'NoBoard'
}

export interface BoardReader {
  /** Everything, as of the last refresh. */
  readonly board: Board
  /** One line an experiment, oldest first. */
  experiments(): ExperimentLine[]
  experiment(id: string): ExperimentLine | undefined
  hypotheses(): HypothesisRecord[]
  hypothesis(id: string): HypothesisRecord | undefined
  findings(): FindingRecord[]
  facts(from?: number): Event[]
  program(): ProgramRecord | undefined
  runs(): RunRecord[]
  bestLine(): BestLine | undefined
  /** `now` in ms since 1970, for rates of a run that goes on. */
  status(now?: number): Status
  /** Reads again what the writer has added. */
  refresh(): void
  close(): Promise<void>
}

export function openReader(home: string): BoardReader {
  if (!existsSync(path.join(boardFolder(home), 'board.mdb')))
    throw new NoBoard(`there is no board in ${home} yet. Start a swarm there with: swarm up --home ${home}`)
  const opened = openEnvironment(home, true)
  let board = load(opened)
  const byNumber = (a: string, b: string): number => Number(a.slice(1)) - Number(b.slice(1))
  return {
    get board() {
      return board
    },
    experiments: () => experiments(board),
    experiment: (id) => experiments(board).find((e) => e.id === id),
    hypotheses: () => [...board.hypotheses.values()].sort((a, b) => byNumber(a.hypothesis.id, b.hypothesis.id)),
    hypothesis: (id) => board.hypotheses.get(id),
    findings: () => [...board.findings.values()].sort((a, b) => a.seq - b.seq),
    facts: (from = 1) =>
      [...board.facts]
        .filter(([seq]) => seq >= from)
        .sort(([a], [b]) => a - b)
        .map(([seq, fact]) => ({ seq, fact })),
    program: () => board.programs.get(board.programs.size),
    runs: () => [...board.runs.values()].sort((a, b) => a.run - b.run),
    bestLine: () => bestLine(board),
    status: (now = Date.now()) => status(board, now),
    refresh: () => {
      opened.env.resetReadTxn()
      board = load(opened)
    },
    close: () => opened.env.close(),
  }
}
