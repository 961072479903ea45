// swarm doctor: is everything here that a swarm needs?
import type { Command } from 'commander'
import { checkoutDir, stateDir } from '../home.ts'
import { withExamples } from './examples.ts'
import { EXIT } from './failure.ts'
import { dataOption, jsonOption } from './options.ts'
import { data as print } from './output.ts'

const EXAMPLES = [
  'swarm doctor            every check, with what to do where one fails',
  'swarm doctor --json     the same for programs; exit code 0 when all is well, 3 when not',
]

export function register(program: Command): void {
  const verb = program.command('doctor').description('look at this machine: is everything here that a swarm needs?')
  verb.addOption(dataOption()).addOption(jsonOption('one JSON object: ok, and the checks'))
  verb.action(async (options: { data: string; json: boolean }) => {
    const { checks } = await import('./doctor/checks.ts')
    const found = await checks({ checkout: checkoutDir(), state: stateDir(), data: options.data })
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
