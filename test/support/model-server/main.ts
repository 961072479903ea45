// The model server by hand: node --import tsx test/support/model-server/main.ts [--port 4010] [--script demo | FILE.json (a list of replies)]
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { demo } from './demo.ts'
import type { Reply } from './reply.ts'
import { startModelServer } from './server.ts'

const { values } = parseArgs({ options: { port: { type: 'string' }, script: { type: 'string' } } })
const script =
  values.script === undefined || values.script === 'demo'
    ? demo
    : (JSON.parse(readFileSync(values.script, 'utf8')) as Reply[])
const server = await startModelServer(script, { port: Number(values.port ?? 0) })
process.stdout.write(`ANTHROPIC_BASE_URL=${server.url} OPENAI_BASE_URL=${server.url}/v1\n`)
process.on('SIGINT', () => {
  process.stdout.write(`${JSON.stringify(Object.fromEntries(server.told))}\n`)
  process.exit(0)
})
