// The search researcher: it turns knobs and reads nothing, so it needs no model, no key and no time.
import { lstatSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { KnobEdit } from '@swarm/shared/hypothesis'
import { readKnobs, setKnobs } from '@swarm/shared/knobs'
import type { Program } from '@swarm/shared/program'
import type { Ending } from '../ending.ts'
import type { Researcher } from './researcher.ts'

/** The file whose constants are the knobs, below the editable folder. */
export const RECIPE = 'train.cu'

/** Sets knobs in the worktree's recipe; refuses a knob that is not there and a value out of its range. */
export function turnKnobs(
  dir: string,
  { editable, scale }: Pick<Program, 'editable' | 'scale'>,
  edits: readonly KnobEdit[],
): 'written' | Ending {
  const file = join(dir, editable, RECIPE)
  if (!lstatSync(file, { throwIfNoEntry: false })?.isFile())
    return { outcome: 'conflict', cause: `the base has no ${editable}${RECIPE} to turn knobs in` }
  const before = readFileSync(file, 'utf8')
  const after = setKnobs(before, edits, scale)
  if ('refused' in after) {
    // A knob that is gone may come back with another base; a value out of its range stays wrong.
    const names = new Set(readKnobs(before, scale).map((k) => k.name))
    return {
      outcome: edits.every((e) => names.has(e.knob)) ? 'diff-rejected' : 'conflict',
      cause: `the base cannot take this change: ${after.refused}`,
    }
  }
  if (after.source !== before) writeFileSync(file, after.source)
  return 'written'
}

export const search: Researcher = {
  name: 'search',
  reads: false,
  write: async () => ({
    outcome: 'empty-diff',
    cause:
      'the search researcher turns knobs and reads no sentences; write it as KNOB=VALUE, hand in a diff, or run agents with a model (--researcher)',
  }),
}
