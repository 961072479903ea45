// swarm doctor: is everything here that a swarm needs?
import { type Command, Option } from 'commander'
import { checkoutDir, stateDir } from '../home.ts'
import { withExamples } from './examples.ts'
import { EXIT } from './failure.ts'
import type { Asked } from './doctor/researchers.ts'
import { baseUrl, dataOption, folder, jsonOption } from './options.ts'
import { data as print } from './output.ts'

const EXAMPLES = [
  'swarm doctor            every check, with what to do where one fails',
  'swarm doctor --base-url http://127.0.0.1:11434/v1     what a model server of yours speaks',
  'swarm doctor --json     the same for programs; exit code 0 when all is well, 3 when not',
]

export function register(program: Command): void {
  const verb = program.command('doctor').description('look at this machine: is everything here that a swarm needs?')
  verb.addOption(dataOption()).addOption(jsonOption('one JSON object: ok, and the checks'))
  verb.option('--researcher <who>', 'as for "swarm up": are these models priced?')
  verb.addOption(new Option('--base-url <url>', 'a model server of yours: what does it speak?').argParser(baseUrl))
  verb.option('--prices <file>', 'what tokens cost (default: coordinator/prices.json)', folder)
  verb.action(async (options: { data: string; json: boolean } & Asked) => {
    const [{ checks }, { gpus }, { researchers }] = await Promise.all([
      import('./doctor/checks.ts'),
      import('./doctor/gpus.ts'),
      import('./doctor/researchers.ts'),
    ])
    const places = { checkout: checkoutDir(), state: stateDir(), data: options.data }
    const found = (await Promise.all([checks(places), gpus(places), researchers(options)])).flat()
    const ok = found.every((check) => check.ok)
    if (options.json) print(JSON.stringify({ ok, checks: found }))
    else {
      const width = Math.max(...found.map((check) => check.name.length))
      for (const check of found) {
        print(`${check.ok ? 'ok    ' : 'wrong '} ${check.name.padEnd(width)}  ${check.found}`)
        for (const line of check.fix?.split('\n') ?? []) print(`       ${' '.repeat(width)}  → ${line}`)
      }
    }
    if (!ok) process.exitCode = EXIT.doctor
  })
  withExamples(verb, EXAMPLES)
}
