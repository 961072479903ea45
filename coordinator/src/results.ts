// A result as it comes in: does it answer a plan, does its diff pass the guard, does its measurement belong to this track.
import { MAX_DIFF_BYTES } from '@swarm/shared/experiment'
import { NO_COST, type Result } from '@swarm/shared/result'
import { guardDiff } from '@swarm/shared/guard'
import type { Board, ExperimentRecord, ProgramRecord } from './board/schema.ts'

export type Checked =
  | { record: Result; note?: string }
  /** Recorded nowhere. `again`: the plan still waits for an answer. */
  | { refused: string; again: boolean }

/** Checks one result against the board and the hub. Nothing an agent says is taken over unchecked but costs, times and logs. */
export async function checkResult(
  board: Board,
  program: ProgramRecord,
  hub: string,
  from: string,
  result: Result,
): Promise<Checked> {
  const plan = board.experiments.get(result.experiment)
  const again = plan !== undefined && plan.result === undefined
  const no = (refused: string): Checked => ({ refused, again })
  if (plan === undefined) return no(`there is no experiment ${result.experiment}`)
  if (plan.result !== undefined)
    return no(`${result.experiment} has its result already (from ${plan.result.agent}, claim ${plan.result.fence})`)
  if (from !== result.agent) return no(`it came on ${from}'s subject in the name of ${result.agent}`)
  if (![...board.agents.values()].some((a) => a.agent === result.agent))
    return no(`no agent ${result.agent} has joined`)
  const e = plan.experiment
  const odd = (['kind', 'base', 'seed', 'budget', 'track'] as const).find((field) => result[field] !== e[field])
  if (odd !== undefined) return no(`its ${odd} is ${result[odd]}, planned was ${e[odd]}`)
  if (result.hypothesis !== e.hypothesis?.id)
    return no(`it speaks of hypothesis ${result.hypothesis ?? 'none'}, planned was ${e.hypothesis?.id ?? 'none'}`)
  if (e.track !== program.track) return no('it belongs to another track than the one in force')
  if (e.kind === 'baseline' && result.diff !== '') return no('a baseline has no diff')

  const { tree: _, ...said } = result
  const guarded = await guardDiff(hub, e.base, result.diff, program.program.editable)
  if ('refused' in guarded) return { record: without(said, 'diff-rejected', guarded.refused) }
  const record: Result = { ...said, diff: guarded.diff, tree: guarded.editable }
  const note =
    guarded.diff === result.diff
      ? {}
      : { note: 'its diff was written another way than git writes it here; the canonical text is kept' }
  if (said.outcome !== 'measured') return { record: withoutMeasurement(record), ...note }
  const m = said.measurement
  if (m === undefined)
    return { record: without(record, 'infra-failed', 'measured, it says, but there is no measurement') }
  if (m.frozen !== program.frozen)
    return {
      record: without(
        record,
        'cheat-suspected',
        'its trainer and judge were built from other frozen sources than this swarm uses',
      ),
    }
  if (m.manifest !== program.manifest)
    return { record: without(record, 'cheat-suspected', 'it was scored on another data set than this swarm uses') }
  const split = e.split ?? 'val'
  if ((m.split ?? 'val') !== split)
    return {
      record: without(
        record,
        'cheat-suspected',
        `it was scored on the held-out text “${m.split ?? 'val'}”, asked for was “${split}”`,
      ),
    }
  if (e.kind !== 'baseline' && guarded.diff === '')
    return { record: without(record, 'empty-diff', 'the diff changes nothing') }
  if (e.diff !== undefined && e.diff.base === e.base && guarded.diff !== e.diff.text)
    return {
      record: without(record, 'diff-rejected', 'a repeat runs the very diff that won its screen; this is another one'),
    }
  return { record, ...note }
}

/**
 * A message that is no result still ends the claim of an agent that is known: the plan would wait for ever. What cannot be read says
 * nothing about the idea, but for a diff that is too long to be one.
 */
export function unreadable(
  board: Board,
  plan: ExperimentRecord,
  from: string,
  body: unknown,
  why: string,
): Result | undefined {
  if (plan.result !== undefined || ![...board.agents.values()].some((a) => a.agent === from)) return undefined
  const { id, kind, hypothesis, base, seed, budget, track } = plan.experiment
  const diff = (body as { diff?: unknown } | undefined)?.diff
  const long = typeof diff === 'string' && diff.length > MAX_DIFF_BYTES
  return {
    experiment: id,
    kind,
    agent: from,
    fence: 1,
    diff: '',
    base,
    seed,
    budget,
    track,
    cost: NO_COST,
    startedAt: '',
    endedAt: '',
    ...(hypothesis === undefined ? {} : { hypothesis: hypothesis.id }),
    outcome: long ? 'diff-rejected' : 'infra-failed',
    cause: long
      ? `the diff has ${diff.length} characters; at most ${MAX_DIFF_BYTES} bytes are allowed`
      : `its result could not be read: ${why}`,
  }
}

function withoutMeasurement({ measurement: _, ...result }: Result): Result {
  return result
}

function without(result: Result, outcome: Result['outcome'], cause: string): Result {
  return { ...withoutMeasurement(result), outcome, cause }
}
