// The board on disk: one LMDB environment, one writer. A fact and the ledger position it came from are one transaction.
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import type { Fact } from '@swarm/shared/event'
import { fold } from './fold.ts'
import { type Board, EMPTY_CHAIN, emptyBoard, SCHEMA, type TableName, TABLES } from './schema.ts'

/** The board cannot be opened or does not fit this version. */
export class BoardUnusable extends Error {
  override name = 'BoardUnusable'
}

export const boardFolder = (home: string): string => path.join(home, 'board')

interface Position {
  schema: number
  seq: number
  chain: string
}
type Opened = {
  env: RootDatabase
  meta: Database<Position, string>
  tables: Record<TableName, Database<unknown, string | number>>
}

export function openEnvironment(home: string, readOnly: boolean): Opened {
  const folder = boardFolder(home)
  if (!readOnly) mkdirSync(folder, { recursive: true })
  const env = open({
    path: path.join(folder, 'board.mdb'),
    encoding: 'json',
    maxDbs: TABLES.length + 1,
    maxReaders: 256,
    readOnly,
    noSubdir: true,
  })
  const table = <V>(name: string): Database<V, string | number> =>
    env.openDB<V, string | number>({ name, encoding: 'json' })
  const tables = Object.fromEntries(TABLES.map((name) => [name, table(name)])) as Opened['tables']
  return { env, meta: table<Position>('meta') as Database<Position, string>, tables }
}

/** Everything the environment holds, read in one go. */
export function load({ meta, tables }: Opened): Board {
  const board = emptyBoard()
  const position = meta.get('position')
  if (position === undefined) return board
  if (position.schema !== SCHEMA)
    throw new BoardUnusable(
      `the board has schema ${position.schema}, this version knows ${SCHEMA}. Move the folder "board" of its home aside; the next swarm up makes it again from the ledger`,
    )
  for (const name of TABLES) {
    const into = board[name] as Map<string | number, unknown>
    const entries = [...tables[name].getRange()].map(({ key, value }) => [key as string | number, value] as const)
    // In the order of the ledger, as a fold would have filled them: e10000 comes after e9999.
    for (const [key, value] of entries.sort((a, b) => place(a) - place(b))) into.set(key, value)
  }
  return Object.assign(board, { seq: position.seq, chain: position.chain })
}

function place([key, value]: readonly [string | number, unknown]): number {
  const { seq } = value as { seq?: number }
  return typeof key === 'number' ? key : (seq ?? 0)
}

export interface Store {
  readonly board: Board
  /** Folds facts in and writes them with their position in one transaction; on disk when this returns. */
  apply(events: readonly { seq: number; fact: Fact }[]): Promise<void>
  close(): Promise<void>
}

export async function openStore(home: string): Promise<Store> {
  const opened = openEnvironment(home, false)
  const { env, meta, tables } = opened
  // A full disk raises this beside the rejection of the write itself; the write's own error is the one to see.
  process.on('unhandledRejection', ignoreCommitError)
  const board = load(opened)
  return {
    board,
    apply: async (events) => {
      env.transactionSync(() => {
        for (const { seq, fact } of events) {
          for (const [name, key] of fold(board, seq, fact))
            void tables[name].put(key, (board[name] as Map<string | number, unknown>).get(key))
        }
        void meta.put('position', { schema: SCHEMA, seq: board.seq, chain: board.chain })
      })
      await env.flushed
    },
    close: async () => {
      process.off('unhandledRejection', ignoreCommitError)
      await env.close()
    },
  }
}

function ignoreCommitError(error: unknown): void {
  if (!(error instanceof Error) || !/commit|MDB_|No space left/i.test(error.message)) throw error
}

/** All records as text, sorted: two boards are the same when their dumps are. */
export function dump(board: Board): string {
  const lines = [JSON.stringify(['position', board.seq, board.chain])]
  for (const name of TABLES) {
    const entries = [...(board[name] as Map<string | number, unknown>)]
    entries.sort(([a], [b]) =>
      typeof a === 'number' && typeof b === 'number' ? a - b : String(a) < String(b) ? -1 : 1,
    )
    for (const [key, value] of entries) lines.push(JSON.stringify([name, key, value]))
  }
  return `${lines.join('\n')}\n`
}

export { EMPTY_CHAIN }
