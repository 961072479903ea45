// give_up: the author says that the hypothesis cannot be written, and why. Ends its work; nothing of its edit is taken.
import { tool } from '@swarm/shared/model/model'
import { z } from 'zod'

export const giveUp = (gaveUp: (reason: string) => void) =>
  tool({
    name: 'give_up',
    description:
      'Ends the work on this hypothesis without an edit. Say why it cannot be written or makes no sense here.',
    input: z.object({ reason: z.string().describe('One or two sentences') }),
    run: async ({ reason }) => {
      gaveUp(reason)
      return 'given up'
    },
  })
