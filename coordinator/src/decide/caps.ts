// Caps of a run (docs/decisions/0005): when the seconds of its lanes are used up, and how a run ends that has come to one of its caps.
import { capWords, CAP_FLAGS, laneSeconds } from '../purse/spending.ts'
import type { Situation, Step } from './situation.ts'

/** Every lane that works may take as long as the longest run so far: that much is committed. */
export function laneCap(s: Situation): Step[] {
  const most = s.run.caps?.laneSeconds
  if (most === undefined || s.run.reached !== undefined) return []
  const { spent, longest } = laneSeconds(s.board, s.run)
  if (spent + longest * s.live.length < most) return []
  const why = `the cap of ${capWords('laneSeconds', most)} (${CAP_FLAGS.laneSeconds}) is reached: ${spent.toFixed(1)} s are spent, and what runs may take ${(longest * s.live.length).toFixed(1)} s more`
  return [{ do: 'write', fact: { type: 'cap-reached', run: s.run.run, cap: 'laneSeconds', why } }]
}

/** At a cap agents finish what they run and leave; the run is over when the last one has. */
export function drained(s: Situation): Step[] {
  const { reached } = s.run
  if (reached === undefined || [...s.board.agents.values()].some((a) => a.left === undefined)) return []
  return [{ do: 'finish', failed: false, reason: reached.why, cap: reached.cap }]
}
