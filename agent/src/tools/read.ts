// read: lines of a file, numbered.
import { tool } from '@swarm/shared/model/model'
import { z } from 'zod'
import { type Desk, placeOf, quoted, readText } from './desk.ts'

const MOST_LINES = 400

export const read = (desk: Desk) =>
  tool({
    name: 'read',
    description: `Shows a file of the recipe or of the engine, at most ${MOST_LINES} lines at once. Each line is its number, a tab, and its text.`,
    input: z.object({
      file: z.string().describe('Path, e.g. train.cu or engine/core/graph.h'),
      from: z.number().nullable().describe('First line, 1 when null'),
      to: z.number().nullable().describe('Last line, as many as are shown at once when null'),
    }),
    run: async ({ file, from, to }) => {
      const place = await placeOf(desk, file)
      const lines = (await readText(desk, place)).replace(/\n$/, '').split('\n')
      const first = Math.max(1, Math.floor(from ?? 1))
      const last = Math.min(lines.length, Math.floor(to ?? lines.length), first + MOST_LINES - 1)
      const shown = lines.slice(first - 1, last).map((line, i) => `${first + i}\t${line}`)
      const rest = last < lines.length ? `\n${lines.length} lines in all; go on from ${last + 1}.` : ''
      return `${quoted(desk, place, shown.join('\n'))}${rest}`
    },
  })
