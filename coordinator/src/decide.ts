// decide: what should exist next, given the board. Pure: the same board gives the same answer, so after a crash nothing is done twice.
// Facts come in small batches; whoever asked writes them, folds them, and asks again until nothing is left to do.
import { isOpen } from './board/steering.ts'
import { worth } from './board/value.ts'
import { drained, laneCap } from './decide/caps.ts'
import { baselines, controls } from './decide/controls.ts'
import { followUps } from './decide/followups.ts'
import { finish, recordedInRun, topUp } from './decide/queue.ts'
import { screenOf, verdictOn } from './decide/verdicts.ts'
import type { Situation, Step, World } from './decide/situation.ts'

export function decide(world: World): Step[] {
  const run = world.board.runs.get(world.board.runs.size)
  const program = world.board.programs.get(world.board.programs.size)
  const now = worth(world.board)
  if (run === undefined || run.stopped !== undefined || program === undefined || now === undefined) return []
  const s: Situation = { ...world, run, program, worth: now }
  for (const concern of [
    laneCap,
    promotions,
    baselines,
    verdicts,
    controls,
    followUps,
    screens,
    topUp,
    drained,
    finish,
  ]) {
    const steps = wanted(s, concern(s))
    if (steps.length > 0) return steps
  }
  return []
}

/** Past its goal, or at a cap, a run starts nothing new: what runs is finished and judged, what a new best calls for waits for the next run. */
function wanted(s: Situation, steps: Step[]): Step[] {
  const { experiments, reached } = s.run
  if (reached === undefined && (experiments === undefined || recordedInRun(s) < experiments)) return steps
  return steps.filter((step) => step.do !== 'write' || step.fact.type !== 'experiment-planned')
}

/** A confirmed finding that best does not show yet. */
function promotions(s: Situation): Step[] {
  const kept = new Set([...s.board.bests.values()].map((b) => b.best.hypothesis))
  for (const { finding } of s.board.findings.values()) {
    if (finding.verdict !== 'confirmed' || kept.has(finding.hypothesis) || s.worth.value === undefined) continue
    if (s.board.hypotheses.get(finding.hypothesis)?.vetoed !== undefined) continue
    const repeat = s.board.experiments.get(finding.pairs.at(-1)?.experiment ?? '')?.result
    const screened = s.board.experiments.get(finding.pairs[0]?.experiment ?? '')?.result
    // A gain measured on another track has no number here.
    if (repeat === undefined || screened === undefined || repeat.track !== s.program.track) continue
    return [
      { do: 'promote', finding, diff: repeat.diff, agent: screened.agent, valBpb: s.worth.value - (finding.gain ?? 0) },
    ]
  }
  return []
}

/** One hypothesis at a time, oldest first: what it comes to may move the best that the next one is judged by. */
function verdicts(s: Situation): Step[] {
  for (const h of s.board.hypotheses.values()) {
    if (!isOpen(h) || h.experiments.length === 0) continue
    const steps = wanted(s, verdictOn(s, h))
    if (steps.length > 0) return steps
  }
  return []
}

/** A screen for every hypothesis that has none, people's first. */
function screens(s: Situation): Step[] {
  const waiting = [...s.board.hypotheses.values()].filter((h) => isOpen(h) && h.experiments.length === 0)
  const human = (origin: string): number => (origin === 'human' ? 0 : 1)
  waiting.sort((a, b) => human(a.hypothesis.origin) - human(b.hypothesis.origin) || a.seq - b.seq)
  return waiting.map((h, i) => screenOf(s, h, 1, i))
}
