// try: ten steps of the trainer, built from what stands in the worktree.
import { tool } from '@swarm/shared/model/model'
import { z } from 'zod'
import { isEnding } from '../ending.ts'
import { type Desk, quoted } from './desk.ts'

export const tryOut = (desk: Desk) =>
  tool({
    name: 'try',
    description:
      'Builds the recipe as it stands and takes ten training steps with it. Shows the loss of each, or what went wrong.',
    input: z.object({}),
    run: async (_, signal) => {
      const trainer = await desk.workbench.build(signal)
      if (isEnding(trainer))
        return `it does not build\n${quoted(desk, 'the build', trainer.log ?? trainer.cause ?? '')}`
      const { lines, ending } = await desk.workbench.firstSteps(trainer, signal)
      if (ending === undefined) return `ten steps went well\n${quoted(desk, 'the trainer', lines.join('\n'), 'end')}`
      const said = [...lines, ending.log ?? '', ending.cause ?? ''].filter((line) => line !== '')
      return `it ended as ${ending.outcome}\n${quoted(desk, 'the trainer', said.join('\n'), 'end')}`
    },
  })
