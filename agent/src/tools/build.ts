// build: the swarm's own build of what stands in the worktree.
import { tool } from '@swarm/shared/model/model'
import { z } from 'zod'
import { isEnding } from '../ending.ts'
import { type Desk, quoted } from './desk.ts'

export const build = (desk: Desk) =>
  tool({
    name: 'build',
    description:
      'Builds the recipe as it stands, as the swarm will. Says what the compiler or the check of the source says when it fails.',
    input: z.object({}),
    run: async (_, signal) => {
      const made = await desk.workbench.build(signal)
      if (!isEnding(made)) return 'it builds'
      return `it does not build\n${quoted(desk, 'the build', made.log ?? made.cause ?? '')}`
    },
  })
