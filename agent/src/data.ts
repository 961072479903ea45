// The data set: the one on this machine when it is the track's, else fetched from the hub. Every file is hashed before it is used.
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Bus } from '@swarm/shared/bus'
import { dataObject } from '@swarm/shared/subjects'

const MANIFEST = 'manifest.json'

/** The track's data set cannot be had here. */
export class DataMissing extends Error {
  override name = 'DataMissing'
}

export interface DataSet {
  dir: string
  manifest: string
}
export interface Wanted {
  manifest: string
  files: readonly { name: string; sha256: string }[]
}

/** The data set of the program that holds; looked for when it changes. */
export function dataOf(
  bus: Bus,
  current: () => { manifest: string; dataFiles: Wanted['files'] },
  given: string | undefined,
  keep: string,
): () => Promise<DataSet> {
  let found: Promise<DataSet> | undefined
  let of: string | undefined
  return () => {
    const { manifest, dataFiles } = current()
    if (found === undefined || of !== manifest) {
      of = manifest
      found = findData(bus, { manifest, files: dataFiles }, given, keep).then((dir) => ({ dir, manifest }))
      // An outage now says nothing of later.
      found.catch(() => {
        found = undefined
      })
    }
    return found
  }
}

/** A folder with exactly the wanted data set: `given` if it is that, a fetched one otherwise. */
export async function findData(bus: Bus, wanted: Wanted, given: string | undefined, keep: string): Promise<string> {
  const kept = join(keep, wanted.manifest)
  for (const dir of given === undefined ? [kept] : [given, kept]) {
    const wrong = await difference(dir, wanted)
    if (wrong === undefined) return dir
    if (dir === given) bus.log(`data: ${wrong}; the swarm's data set is fetched instead`)
  }
  return fetchInto(bus, wanted, kept)
}

/** What keeps a folder from being the wanted data set; undefined when it is it. */
async function difference(dir: string, wanted: Wanted): Promise<string | undefined> {
  for (const { name, sha256 } of listed(wanted)) {
    const found = await hashOf(join(dir, name))
    if (found !== sha256)
      return found === undefined ? `${join(dir, name)} is not there` : `${join(dir, name)} is not the swarm's`
  }
  return undefined
}

const listed = ({ manifest, files }: Wanted): { name: string; sha256: string }[] => [
  { name: MANIFEST, sha256: manifest },
  ...files.filter((f) => f.name !== MANIFEST),
]

async function fetchInto(bus: Bus, wanted: Wanted, kept: string): Promise<string> {
  const draft = `${kept}.${randomUUID().slice(0, 8)}`
  await mkdir(draft, { recursive: true })
  try {
    for (const { name, sha256 } of listed(wanted)) {
      if (basename(name) !== name || name.startsWith('.'))
        throw new DataMissing(`the hub names a data file ${JSON.stringify(name)}, which is no plain name`)
      const bytes = await bus.getObject(dataObject(sha256))
      if (bytes === undefined)
        throw new DataMissing(
          `the hub does not have the data file ${name}; prepare the same data set here with: swarm prepare`,
        )
      if (createHash('sha256').update(bytes).digest('hex') !== sha256)
        throw new DataMissing(`the data file ${name} arrived damaged; start the agent again to fetch it anew`)
      await writeFile(join(draft, name), bytes, { flush: true })
    }
    await rm(kept, { recursive: true, force: true })
    await rename(draft, kept).catch((error: NodeJS.ErrnoException) => {
      // Another agent of this home fetched the same meanwhile.
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    })
    return kept
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

async function hashOf(file: string): Promise<string | undefined> {
  try {
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(file)) hash.update(chunk as Buffer)
    return hash.digest('hex')
  } catch {
    return undefined
  }
}
