// replace: one text of one file for another. Only where it may edit, and only where it is sure what it replaces.
import { constants } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { tool } from '@swarm/shared/model/model'
import { z } from 'zod'
import { type Desk, MOST_BYTES, placeOf, readText, ToolRefused } from './desk.ts'

const SOURCE = /^[A-Za-z0-9_][A-Za-z0-9_.-]*\.(?:cu|cuh|cpp|hpp|h)$/

export const replace = (desk: Desk) =>
  tool({
    name: 'replace',
    description:
      'Replaces one text in a file of the folder you may edit. `old` must occur exactly once, character by character (without the line numbers that read shows); give some lines around it where it would not. An empty `old` with a new file name makes that file.',
    input: z.object({
      file: z.string().describe('Path, e.g. train.cu'),
      old: z.string().describe('The text to replace'),
      new: z.string().describe('The text to put there'),
    }),
    run: async ({ file, old, new: text }) => {
      if (old === '') return write(desk, newPlace(desk, file), text, true)
      const place = await placeOf(desk, file)
      if (!place.startsWith(desk.editable))
        throw new ToolRefused(`${place} may not be edited; only files below ${desk.editable} may`)
      const before = await readText(desk, place)
      const times = before.split(old).length - 1
      if (times !== 1)
        throw new ToolRefused(
          times === 0
            ? `that text does not occur in ${place}; read it again and copy it exactly`
            : `that text occurs ${times} times in ${place}; give more of the lines around it`,
        )
      const at = before.indexOf(old)
      return write(desk, place, before.slice(0, at) + text + before.slice(at + old.length), false)
    },
  })

function newPlace(desk: Desk, file: string): string {
  const name = file.startsWith(desk.editable) ? file.slice(desk.editable.length) : file
  if (!SOURCE.test(name))
    throw new ToolRefused(`${file}: a new file is a source (.cu .cuh .cpp .hpp .h) right in ${desk.editable}`)
  return `${desk.editable}${name}`
}

async function write(desk: Desk, place: string, text: string, fresh: boolean): Promise<string> {
  const bytes = Buffer.byteLength(text)
  if (bytes > MOST_BYTES) throw new ToolRefused(`${place} would have ${bytes} bytes; at most ${MOST_BYTES} are allowed`)
  const file = join(desk.dir, place)
  if (fresh) {
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants
    const handle = await open(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o644).catch(() => {
      throw new ToolRefused(`${place} is there already; replace a text in it`)
    })
    await handle.writeFile(text)
    await handle.close()
    return `made ${place}, ${bytes} bytes`
  }
  // Renamed into place: nothing that stands there meanwhile is written through.
  const draft = join(dirname(file), `.draft-${process.pid}`)
  try {
    const handle = await open(draft, 'wx', 0o644)
    await handle.writeFile(text)
    await handle.close()
    await rename(draft, file)
  } finally {
    await rm(draft, { force: true })
  }
  return `replaced in ${place}`
}
