// A git checkout with the fake trainer, built, and a data set for it: what an agent or a coordinator needs to run for real.
import { appendFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { run } from '@swarm/shared/exec'
import { git } from '@swarm/shared/git'

export const FAKE_TRAINER = fileURLToPath(new URL('./fake-trainer', import.meta.url))
export const RECIPE = 'trainer-native/experiment/train.cu'

export interface Checkout {
  dir: string
  head: string
  data: string
  frozen: string
  manifest: string
}

/** Makes `dir/checkout` and `dir/data`. `seconds`: how long one run takes; `backend`: what the trainer says it computes on. */
export async function makeCheckout(
  dir: string,
  options: { seconds?: number; backend?: string } = {},
): Promise<Checkout> {
  const checkout = join(dir, 'checkout')
  const data = join(dir, 'data')
  mkdirSync(data, { recursive: true })
  cpSync(FAKE_TRAINER, join(checkout, 'trainer-native'), { recursive: true })
  const recipe = join(checkout, RECIPE)
  writeFileSync(recipe, readFileSync(recipe, 'utf8').replace('SECONDS = 0.2f', `SECONDS = ${options.seconds ?? 0.2}f`))
  if (options.backend !== undefined) appendFileSync(recipe, `constexpr char BACKEND[] = "${options.backend}";\n`)
  writeFileSync(join(checkout, '.gitignore'), 'trainer-native/build/\n')
  writeFileSync(join(checkout, 'program.md'), '---\nbudget: work:1s\nnoise: 0.004\n---\nMake the bowl smaller.\n')
  await git(checkout, ['init', '-q', '-b', 'main'])
  const head = await commitAll(checkout, 'Start')
  const made = await run('make', ['-C', join(checkout, 'trainer-native'), 'all'])
  if (made.code !== 0) throw new Error(`the fake trainer was not built: ${made.output}`)
  const text = { 'train-000.bin': 'training text', 'val.bin': 'validation text', 'hidden.bin': 'hidden text' }
  const files = Object.fromEntries(
    Object.entries(text).map(([name, body]) => {
      writeFileSync(join(data, name), body)
      return [name, { sha256: sha256(body), bytes: body.length }]
    }),
  )
  const manifest = `${JSON.stringify({ version: 1, name: 'fake', files })}\n`
  writeFileSync(join(data, 'manifest.json'), manifest)
  const frozen = readFileSync(join(checkout, 'trainer-native/build/frozen.sha256'), 'utf8').trim()
  return { dir: checkout, head, data, frozen, manifest: sha256(manifest) }
}

export const sha256 = (bytes: string | Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Commits everything there is and gives back the commit. */
export async function commitAll(checkout: string, subject: string): Promise<string> {
  await git(checkout, ['add', '-A'])
  const env = {
    GIT_AUTHOR_NAME: 'test',
    GIT_AUTHOR_EMAIL: 'test@localhost',
    GIT_COMMITTER_NAME: 'test',
    GIT_COMMITTER_EMAIL: 'test@localhost',
  }
  await git(checkout, ['commit', '-q', '-m', subject], { env })
  return git(checkout, ['rev-parse', 'HEAD'])
}

/** A patch that replaces text of the fake recipe, as a person would hand it in; e.g. `recipeDiff(c, 'FAULT[] = "none"', 'FAULT[] = "hang"')`. */
export async function recipeDiff(checkout: Checkout, from: string, to: string): Promise<string> {
  const file = join(checkout.dir, RECIPE)
  const before = readFileSync(file, 'utf8')
  if (!before.includes(from)) throw new Error(`the recipe has no ${from}`)
  writeFileSync(file, before.replace(from, to))
  try {
    return `${await git(checkout.dir, ['diff', '--full-index', '--no-color', '--', RECIPE])}\n`
  } finally {
    writeFileSync(file, before)
  }
}
export const faultDiff = (checkout: Checkout, fault: string): Promise<string> =>
  recipeDiff(checkout, 'FAULT[] = "none"', `FAULT[] = "${fault}"`)
