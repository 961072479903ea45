#!/usr/bin/env node
// `swarm <verb>`: runs the TypeScript sources as they are.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
if (!existsSync(join(root, 'node_modules', 'tsx'))) {
  console.error(`swarm: not set up yet. Run this once: npm run setup --prefix ${root}`)
  process.exit(1)
}
const main = join(root, 'coordinator', 'src', 'cli', 'main.ts')
if (!existsSync(main)) {
  console.error(`swarm: ${main} is missing. The checkout is not whole: git status; git checkout -- coordinator`)
  process.exit(1)
}
// tsx reads the tsconfig of the working directory; ours is the one that counts.
process.env.TSX_TSCONFIG_PATH ??= join(root, 'tsconfig.json')
const { register } = await import('tsx/esm/api')
register()
await import(pathToFileURL(main).href)
