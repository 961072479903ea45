// swarm suggest: an idea of a person goes to the front of the queue.
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { withExamples } from './examples.ts'
import { Usage } from './failure.ts'
import { homeOption, jsonOption } from './options.ts'
import { data, jsonLine } from './output.ts'

interface SuggestOptions {
  home: string
  diff?: string
  title?: string
  json: boolean
}

const EDIT = /^([A-Z][A-Z0-9_]*)=(\S+)$/

export function register(program: Command): void {
  const verb = program
    .command('suggest')
    .description('hand in an idea: knobs to set, a diff, or a sentence')
    .argument('[idea...]', 'KNOB=VALUE, several of them, or one sentence')
    .option('--diff <file>', 'a patch of trainer-native/experiment/ against the best ("-" reads stdin)')
    .option('--title <sentence>', 'what it is, in a sentence')
    .addOption(homeOption())
    .addOption(jsonOption())
    .action(suggest)
  withExamples(verb, [
    'swarm suggest MATRIX_LR=0.03',
    'swarm suggest DEPTH=6 HEADS=3 --title "Deeper and narrower"',
    'git diff trainer-native/experiment | swarm suggest --diff - "Squared GELU in the MLP"',
    'swarm suggest "Share the value embeddings of neighbouring layers"    waits for a researcher that reads',
  ])
}

async function suggest(idea: string[], options: SuggestOptions): Promise<void> {
  const words = idea.flatMap((part) => part.split(/\s+/)).filter((word) => word !== '')
  const edits = words.every((word) => EDIT.test(word))
    ? words.map((word) => ({ knob: EDIT.exec(word)?.[1] as string, value: EDIT.exec(word)?.[2] as string }))
    : []
  const title =
    options.title ??
    (edits.length > 0 ? `Set ${edits.map((e) => `${e.knob} to ${e.value}`).join(' and ')}` : idea.join(' ').trim())
  if (title === '')
    throw new Usage('nothing to suggest. Give KNOB=VALUE or a sentence, for example: swarm suggest MATRIX_LR=0.03')
  if (title.length > 300) throw new Usage('a title has at most 300 characters; put the rest into the diff.')
  const diff = options.diff === undefined ? undefined : readDiff(options.diff)
  const { ask, person } = await import('./hub.ts')
  const { hypothesis } = await ask(options.home, 'suggest', {
    title,
    edits,
    by: person(),
    ...(diff === undefined ? {} : { diff }),
  })
  if (options.json) jsonLine({ hypothesis, title, edits })
  else data(`${hypothesis} waits for a lane: ${title}\n  swarm show ${hypothesis}    what came of it`)
}

function readDiff(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (cause) {
    throw new Usage(`the diff ${file} cannot be read: ${(cause as Error).message}`)
  }
}
