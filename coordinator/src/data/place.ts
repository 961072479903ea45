// A data set appears whole or not at all: it is made in a hidden folder beside its place and renamed there when every byte
// is on the disk. What a killed process left behind is cleared by the next one.
import fs from 'node:fs'
import path from 'node:path'
import { onExit } from 'signal-exit'
import { identityOf, isRunning } from '../server/identity.ts'
import { cannotWrite } from './errors.ts'

export interface Place {
  /** The folder to write into. */
  work: string
  /** Puts the folder in its place; what stood there is gone afterwards. */
  commit(): void
  /** Removes the unfinished folder. */
  discard(): void
}

/** .<data set>.<kind>-<pid>-<start of that process> */
const LEFTOVER = /^\.(.+)\.(partial|replaced)-(\d+)-(.*)$/

/** Clears what dead processes left beside `dir`; puts an earlier data set back that was moved away but not yet replaced. */
export function clearLeftovers(dir: string): void {
  const parent = path.dirname(dir)
  for (const entry of fs.existsSync(parent) ? fs.readdirSync(parent) : []) {
    const [, base, kind, pid, started] = LEFTOVER.exec(entry) ?? []
    if (base !== path.basename(dir) || isRunning({ pid: Number(pid), started: started! })) continue
    const left = path.join(parent, entry)
    if (kind === 'replaced' && !fs.existsSync(dir)) fs.renameSync(left, dir)
    else fs.rmSync(left, { recursive: true, force: true })
  }
}

export function openPlace(dir: string): Place {
  const parent = path.dirname(dir)
  const beside = (kind: string) =>
    path.join(parent, `.${path.basename(dir)}.${kind}-${process.pid}-${identityOf(process.pid)?.started ?? ''}`)
  const work = beside('partial')
  const replaced = beside('replaced')
  try {
    fs.mkdirSync(parent, { recursive: true })
    clearLeftovers(dir)
    fs.rmSync(work, { recursive: true, force: true })
    fs.mkdirSync(work)
  } catch (cause) {
    throw cannotWrite(dir, cause)
  }
  const remove = () => fs.rmSync(work, { recursive: true, force: true })
  const forget = onExit(remove)
  return {
    work,
    commit() {
      try {
        syncFolder(work)
        if (fs.existsSync(dir)) fs.renameSync(dir, replaced)
        fs.renameSync(work, dir)
        syncFolder(parent)
      } catch (cause) {
        if (fs.existsSync(replaced) && !fs.existsSync(dir)) fs.renameSync(replaced, dir)
        throw cannotWrite(dir, cause)
      }
      forget()
      fs.rmSync(replaced, { recursive: true, force: true }) // a trainer that has mapped the old files keeps them
    },
    discard() {
      forget()
      remove()
    },
  }
}

function syncFolder(dir: string): void {
  const fd = fs.openSync(dir, 'r')
  fs.fsyncSync(fd)
  fs.closeSync(fd)
}
