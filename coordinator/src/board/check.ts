// Reads the whole board and folds its own facts again: every record must follow from them, and the chain must close.
// Runs in a child process, since damage in a memory-mapped file can kill the reader.
import { existsSync, renameSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describeEnd, run } from '@swarm/shared/exec'
import { fold } from './fold.ts'
import { type Board, emptyBoard } from './schema.ts'
import { boardFolder, dump, load, openEnvironment } from './store.ts'

const SECONDS = 120

/** Why this board is not what its facts make of it, or undefined when it is. */
export function damage(board: Board): string | undefined {
  const again = emptyBoard()
  for (const [seq, fact] of [...board.facts].sort(([a], [b]) => a - b)) fold(again, seq, fact)
  again.seq = Math.max(again.seq, board.seq)
  if (again.chain !== board.chain) return 'the chain over its facts does not close'
  return dump(again) === dump(board) ? undefined : 'a record does not follow from the facts'
}

/** Checks the board of a home; a broken one is moved aside and its new name returned, so that it is made again from the ledger. */
export async function checkBoard(home: string): Promise<{ movedTo: string; why: string } | undefined> {
  const file = path.join(boardFolder(home), 'board.mdb')
  if (!existsSync(file)) return undefined
  const { code, output, end } = await run(process.execPath, ['--import', 'tsx', fileURLToPath(import.meta.url), home], {
    timeoutMs: SECONDS * 1000,
    cwd: path.dirname(fileURLToPath(import.meta.url)),
  })
  if (code === 0) return undefined
  const movedTo = `${boardFolder(home)}.broken-${Date.now()}`
  renameSync(boardFolder(home), movedTo)
  return { movedTo, why: end.how === 'exit' ? (output.trim().split('\n').at(-1) ?? '') : describeEnd(end) }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const why = damage(load(openEnvironment(process.argv[2] as string, true)))
  if (why !== undefined) console.log(why)
  process.exit(why === undefined ? 0 : 1)
}
