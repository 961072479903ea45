// `swarm <verb>`. Verbs load what is heavy only when they run, so that help, typos and --version are quick.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Command, CommanderError } from 'commander'
import { checkoutDir } from '../home.ts'
import * as best from './best.ts'
import * as board from './board.ts'
import * as cost from './cost.ts'
import * as digest from './digest.ts'
import * as doctor from './doctor.ts'
import * as down from './down.ts'
import * as invite from './invite.ts'
import * as focus from './focus.ts'
import * as join from './join.ts'
import * as log from './log.ts'
import * as pause from './pause.ts'
import * as prepare from './prepare.ts'
import * as resume from './resume.ts'
import * as show from './show.ts'
import * as status from './status.ts'
import * as suggest from './suggest.ts'
import * as train from './train.ts'
import * as up from './up.ts'
import * as veto from './veto.ts'
import * as watch from './watch.ts'
import { formatHelp, withExamples } from './examples.ts'
import { EXIT, exitCodeOf, sentence } from './failure.ts'
import { endQuietlyWhenReaderLeaves, say } from './output.ts'

/** In the order of the help. */
const VERBS = [
  up,
  watch,
  status,
  board,
  show,
  cost,
  digest,
  best,
  suggest,
  veto,
  focus,
  pause,
  resume,
  log,
  down,
  invite,
  join,
  prepare,
  train,
  doctor,
]

const EXAMPLES = [
  'swarm up                                two minutes to the first result, on any machine',
  'swarm up --agents 2 --experiments 24    stop after 24 experiments, with a summary',
  'swarm watch                             the screen, from another terminal',
  'swarm board                             every experiment so far, one line each',
  'swarm best --json                       the best recipe, its score and where it came from',
  'swarm suggest MATRIX_LR=0.03            try an idea of yours next',
  'swarm train --seed 7                    one experiment by hand, without a swarm',
]

function program(): Command {
  const root = new Command('swarm')
    .description('Agents change a training recipe, run it, and keep what a second seed confirms.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .configureHelp({ formatHelp, sortSubcommands: false })
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'swarm: ')) })
    .addHelpText(
      'after',
      '\nExit codes: 0 done or stopped, 1 failure, 2 usage, 3 doctor found something, 4 no hub, 5 budget spent, 130 forced.',
    )
    .exitOverride()
  withExamples(root, EXAMPLES)
  for (const verb of VERBS) verb.register(root)
  return root
}

function version(): string {
  return (JSON.parse(readFileSync(path.join(checkoutDir(), 'package.json'), 'utf8')) as { version: string }).version
}

async function main(args: readonly string[]): Promise<number> {
  endQuietlyWhenReaderLeaves()
  if (args.length === 1 && (args[0] === '--version' || args[0] === '-V')) {
    process.stdout.write(`${version()}\n`)
    return EXIT.done
  }
  const root = program()
  if (args.length === 0) {
    root.outputHelp()
    return EXIT.done
  }
  try {
    await root.parseAsync(args, { from: 'user' })
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT.done
  } catch (error) {
    // Commander has said it already; everything else is one sentence, and the stack only for who asks for it.
    if (!(error instanceof CommanderError)) {
      say(sentence(error))
      if (process.env.SWARM_DEBUG && error instanceof Error) say(error.stack ?? '')
    }
    return exitCodeOf(error)
  }
}

const code = await main(process.argv.slice(2))
// Written out first: a pipe may still hold what was printed. Open handles of a verb must not keep the process.
process.stdout.write('', () => process.exit(code))
