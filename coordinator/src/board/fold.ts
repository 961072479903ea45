// The fold: facts in, records out. Pure but for the maps it fills; the same facts give the same bytes, wherever and whenever.
import { createHash } from 'node:crypto'
import type { Fact } from '@swarm/shared/event'
import type { Board, TableName } from './schema.ts'

/** A record that changed and has to be written. */
export type Touched = [table: TableName, key: string | number]

/** The ledger holds something that cannot follow from what came before it. */
export class LedgerBroken extends Error {
  override name = 'LedgerBroken'
}

export function nextChain(chain: string, seq: number, fact: Fact): string {
  return createHash('sha256')
    .update(`${chain}\n${seq}\n${JSON.stringify(fact)}`)
    .digest('hex')
}

/** The program in force: the last one adopted. */
export function programOf(board: Board): NonNullable<ReturnType<Board['programs']['get']>> | undefined {
  return board.programs.get(board.programs.size)
}

/** Folds one fact in and names the records it changed. */
export function fold(board: Board, seq: number, fact: Fact): Touched[] {
  if (seq <= board.seq) return []
  const touched = record(board, seq, fact)
  board.facts.set(seq, fact)
  board.chain = nextChain(board.chain, seq, fact)
  board.seq = seq
  return [['facts', seq], ...touched]
}

function record(board: Board, seq: number, fact: Fact): Touched[] {
  const { at } = fact
  switch (fact.type) {
    case 'swarm-started':
      board.runs.set(fact.run, {
        run: fact.run,
        seq,
        at,
        seed: fact.seed,
        agents: fact.agents,
        ...(fact.experiments === undefined ? {} : { experiments: fact.experiments }),
        ...(fact.caps === undefined ? {} : { caps: fact.caps }),
      })
      return [['runs', fact.run]]
    case 'swarm-stopped': {
      const run = known(board.runs.get(fact.run), seq, `run ${fact.run}`)
      board.runs.set(fact.run, { ...run, stopped: { at, reason: fact.reason, seq } })
      return [['runs', fact.run]]
    }
    case 'cap-reached': {
      const run = known(board.runs.get(fact.run), seq, `run ${fact.run}`)
      board.runs.set(fact.run, { ...run, reached: { cap: fact.cap, why: fact.why, at } })
      return [['runs', fact.run]]
    }
    case 'program-adopted': {
      const { type: _, ...program } = fact
      board.programs.set(fact.n, { ...program, seq })
      return [['programs', fact.n]]
    }
    case 'agent-joined': {
      const key = `${fact.agent}-${fact.session}`
      board.agents.set(key, {
        agent: fact.agent,
        session: fact.session,
        lane: fact.lane,
        machine: fact.machine,
        ...(fact.researcher === undefined ? {} : { researcher: fact.researcher }),
        joinedAt: at,
      })
      return [['agents', key]]
    }
    case 'agent-left': {
      const key = `${fact.agent}-${fact.session}`
      board.agents.set(key, { ...known(board.agents.get(key), seq, `agent ${key}`), left: { at, reason: fact.reason } })
      return [['agents', key]]
    }
    case 'hypothesis-proposed':
      board.hypotheses.set(fact.hypothesis.id, { hypothesis: fact.hypothesis, seq, at, experiments: [] })
      return [['hypotheses', fact.hypothesis.id]]
    case 'experiment-planned': {
      const { experiment } = fact
      board.experiments.set(experiment.id, {
        experiment,
        seq,
        at,
        ...(fact.agent === undefined ? {} : { agent: fact.agent }),
      })
      if (experiment.hypothesis === undefined) return [['experiments', experiment.id]]
      const h = known(board.hypotheses.get(experiment.hypothesis.id), seq, experiment.hypothesis.id)
      board.hypotheses.set(h.hypothesis.id, { ...h, experiments: [...h.experiments, experiment.id] })
      return [
        ['experiments', experiment.id],
        ['hypotheses', h.hypothesis.id],
      ]
    }
    case 'experiment-recorded': {
      const plan = known(board.experiments.get(fact.result.experiment), seq, fact.result.experiment)
      board.experiments.set(plan.experiment.id, { ...plan, result: fact.result, recorded: { seq, at } })
      return [['experiments', plan.experiment.id]]
    }
    case 'finding-published': {
      const { finding } = fact
      const key = `${finding.hypothesis}-${finding.round}`
      const h = known(board.hypotheses.get(finding.hypothesis), seq, finding.hypothesis)
      board.findings.set(key, { finding, seq, at })
      board.hypotheses.set(finding.hypothesis, { ...h, finding: key })
      return [
        ['findings', key],
        ['hypotheses', finding.hypothesis],
      ]
    }
    case 'best-moved': {
      const track = programOf(board)?.track
      board.bests.set(fact.best.n, {
        best: fact.best,
        seq,
        at,
        ...(fact.previous === undefined ? {} : { previous: fact.previous }),
        ...(track === undefined ? {} : { track }),
      })
      return [['bests', fact.best.n]]
    }
    case 'call-reserved': {
      const { upToUsd } = fact
      board.calls.set(fact.call.id, { call: fact.call, seq, at, ...(upToUsd === undefined ? {} : { upToUsd }) })
      return [['calls', fact.call.id]]
    }
    case 'call-settled': {
      const reserved = known(board.calls.get(fact.end.id), seq, `call ${fact.end.id}`)
      const end = { ...fact.end, at, ...(fact.usd === undefined ? {} : { usd: fact.usd }) }
      board.calls.set(fact.end.id, { ...reserved, end })
      return [['calls', fact.end.id]]
    }
    case 'hypothesis-vetoed': {
      const h = known(board.hypotheses.get(fact.hypothesis), seq, fact.hypothesis)
      const { by, reason } = fact
      const vetoed = { by, at, ...(reason === undefined ? {} : { reason }) }
      board.hypotheses.set(fact.hypothesis, { ...h, vetoed })
      return [['hypotheses', fact.hypothesis]]
    }
    case 'focus-set':
    case 'agent-paused': {
      const key = `${fact.type === 'focus-set' ? 'focus' : 'paused'}-${fact.n}`
      board.steering.set(key, { ...fact, seq })
      return [['steering', key]]
    }
  }
}

function known<T>(value: T | undefined, seq: number, what: string): T {
  if (value === undefined)
    throw new LedgerBroken(`fact ${seq} of the ledger speaks of ${what}, which no earlier fact made`)
  return value
}
