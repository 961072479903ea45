// swarm prepare: what shall be made, whether it is there already, and the folder it appears in whole or not at all.
import path from 'node:path'
import { cannotWrite, isErrno } from './errors.ts'
import { standing } from './existing.ts'
import { makeDataset } from './make.ts'
import { readManifest, type Manifest, type Plan } from './manifest.ts'
import { openPlace } from './place.ts'
import { checkedSettings, defaultDir, type Settings } from './settings.ts'
import { openSource, type SourceChoice } from './source.ts'
import { splitByShard, splitOf } from './split.ts'

export interface PrepareOptions extends Partial<Settings>, SourceChoice {
  /** Where the data set goes. Default: data/<source>-v<vocab> in the state folder. */
  dir?: string
  /** Makes it anew, over a data set of other text or settings too. */
  force?: boolean
  /** Tokens in one training shard. */
  shardTokens?: number
  say?: (line: string) => void
}
/** `hash` is the sha256 of manifest.json. */
export interface Prepared {
  dir: string
  state: 'prepared' | 'unchanged'
  hash: string
  manifest: Manifest
  seconds: number
}

/** u16 tokens: 100 MB a shard. */
const SHARD_TOKENS = 50_000_000

export async function prepare(options: PrepareOptions = {}): Promise<Prepared> {
  const started = performance.now()
  const { force = false, shardTokens = SHARD_TOKENS, say = () => {} } = options
  const { vocab, valShare, passage } = checkedSettings(options)
  const source = openSource(options)
  const { held } = source
  const split = held === undefined ? splitOf(source.files, valShare) : splitByShard(held.shard, held.most)
  const plan: Plan = {
    name: `${source.facts.kind}-v${vocab}`,
    vocab,
    source: source.facts,
    split: { by: split.by, share: held === undefined ? valShare : 0, ...held, passage },
  }
  const dir = path.resolve(options.dir ?? defaultDir(source.facts.kind, vocab))
  const done = (state: Prepared['state']): Prepared => ({
    dir,
    state,
    ...readManifest(dir),
    seconds: Math.round(performance.now() - started) / 1000,
  })

  if (standing(dir, plan, force, say) === 'right') return done('unchanged')
  const place = openPlace(dir)
  try {
    await makeDataset(place.work, source, split.side, plan, shardTokens, say)
    place.commit()
  } catch (error) {
    place.discard()
    throw isErrno(error) ? cannotWrite(dir, error) : error
  }
  return done('prepared')
}
