// swarm show ID: one hypothesis or one experiment in full, or its diff alone.
import type { Command } from 'commander'
import type { Finding } from '@swarm/shared/finding'
import type { BoardReader } from '../board/read.ts'
import type { ExperimentLine } from '../board/queries.ts'
import type { HypothesisRecord } from '../board/schema.ts'
import { isQuarantined } from '../board/steering.ts'
import { plainText } from '../tui/words.ts'
import { withExamples } from './examples.ts'
import { Failed, Usage } from './failure.ts'
import { homeOption, jsonOption } from './options.ts'
import { bpb, data, jsonLine, signed } from './output.ts'

interface ShowOptions {
  home: string
  diff: boolean
  json: boolean
}

export function register(program: Command): void {
  const verb = program
    .command('show')
    .description('one hypothesis (h0001) or one experiment (e0001) in full')
    .argument('<id>', 'from "swarm board"')
    .option('--diff', 'the diff alone, byte for byte', false)
    .addOption(homeOption())
    .addOption(jsonOption('one JSON object'))
    .action(show)
  withExamples(verb, [
    'swarm show h0007',
    'swarm show e0012 --diff | git apply --check    on its base',
    'swarm show e0012 --json | jq .cost',
  ])
}

async function show(id: string, options: ShowOptions): Promise<void> {
  if (!/^[he]\d{4,}$/.test(id))
    throw new Usage(
      `"${id}" is no id; ids look like h0001 (hypothesis) or e0001 (experiment) and stand in "swarm board".`,
    )
  const { openReader } = await import('../board/read.ts')
  const board = openReader(options.home)
  try {
    if (id.startsWith('e')) showExperiment(board, id, options)
    else showHypothesis(board, id, options)
  } finally {
    await board.close()
  }
}

function writeDiff(id: string, diff: string | undefined): void {
  if (diff === undefined || diff === '')
    throw new Failed(`${id} has no diff: it ran its base unchanged, or has not run yet.`)
  process.stdout.write(diff)
}

function showExperiment(board: BoardReader, id: string, options: ShowOptions): void {
  const e = board.experiment(id)
  if (e === undefined) throw new Failed(`there is no experiment ${id} on this board; "swarm board" lists them.`)
  if (options.diff) return writeDiff(id, e.diff)
  if (options.json) return jsonLine(e)
  for (const line of experimentText(e)) data(line)
}

function experimentText(e: ExperimentLine): string[] {
  const m = e.measurement
  return [
    `${e.id}  ${e.kind}, ${e.outcome}${e.hypothesis === undefined ? '' : `, of ${e.hypothesis}: ${plainText(e.title ?? '')}`}`,
    ...(e.cause === undefined ? [] : [`cause     ${plainText(e.cause)}`]),
    `score     val_bpb ${bpb(e.valBpb)}, base ${bpb(e.baseBpb)}, gain ${signed(e.gain)}`,
    `base      ${e.base}`,
    `seed      ${e.seed}    budget ${e.budget}    round ${e.round}${e.split === undefined ? '' : `    scored on the ${e.split} text`}`,
    ...(e.agent === undefined
      ? []
      : [
          `agent     ${e.agent}${e.fence === undefined ? '' : ` (claim ${e.fence})`}${e.recordedAt === undefined ? '' : `, recorded ${e.recordedAt}`}`,
        ]),
    ...(e.cost === undefined
      ? []
      : [
          `cost      ${e.cost.total.toFixed(1)} s: ${(['author', 'build', 'preflight', 'train', 'judge'] as const).map((step) => `${step} ${e.cost?.[step].toFixed(1)}`).join(', ')}`,
        ]),
    ...(m === undefined
      ? []
      : [
          `run       ${m.steps} steps, ${m.tokens} tokens, train loss ${m.trainLoss.toFixed(4)}, ${m.paramsM.toFixed(2)} M parameters, depth ${m.depth}, ${(m.peakBytes / 2 ** 20).toFixed(1)} MiB, ${m.isa}, ${m.sandbox ?? 'unsandboxed'}`,
          ...(m.trust === 'probed'
            ? [
                `trust     probed, not proved: ops of its own (${plainText(m.customOps?.join(', ') ?? '')}), see docs/decisions/0009`,
              ]
            : []),
          `checkpoint ${m.checkpoint}`,
        ]),
    ...(e.log === undefined ? [] : ['log', ...e.log.split('\n').map((line) => `  ${plainText(line)}`)]),
    ...(e.diff === undefined || e.diff === '' ? [] : ['', ...e.diff.replace(/\n$/, '').split('\n').map(visible)]),
  ]
}

/** Keeps tabs and indentation of a diff, shows what could steer a terminal. */
function visible(line: string): string {
  return line.replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (c) => `\\x${c.charCodeAt(0).toString(16)}`,
  )
}

function showHypothesis(board: BoardReader, id: string, options: ShowOptions): void {
  const record = board.hypothesis(id)
  if (record === undefined) throw new Failed(`there is no hypothesis ${id} on this board; "swarm board" lists them.`)
  const runs = record.experiments.flatMap((e) => board.experiment(e) ?? [])
  const h = record.hypothesis
  const finding = board.findings().findLast((f) => f.finding.hypothesis === id)?.finding
  if (options.diff) return writeDiff(id, runs.findLast((e) => e.diff !== undefined && e.diff !== '')?.diff ?? h.diff)
  const { vetoed } = record
  if (options.json) return jsonLine({ ...h, proposedAt: record.at, finding, vetoed, experiments: runs })
  data(`${id}  ${plainText(h.title)}`)
  data(
    `origin    ${h.origin}${h.by === undefined ? '' : ` (${plainText(h.by)})`}${h.parent === undefined ? '' : `, grew from ${h.parent}`}`,
  )
  if (h.edits.length > 0) data(`knobs     ${h.edits.map((e) => `${e.knob}=${e.value}`).join(' ')}`)
  data(`verdict   ${standing(board, record, finding)}`)
  for (const pair of [...(finding?.pairs ?? []), ...(finding?.hidden === undefined ? [] : [finding.hidden])])
    data(
      `  seed ${pair.seed}${pair === finding?.hidden ? ', second held-out text' : ''}: ${bpb(pair.valBpb)} (${pair.experiment}) against ${bpb(pair.baseBpb)} (${pair.control}), gain ${signed(pair.gain)}`,
    )
  for (const e of runs)
    data(
      `${e.id}  ${e.kind.padEnd(8)}  ${e.outcome.padEnd(10)}  val_bpb ${bpb(e.valBpb)}  gain ${signed(e.gain)}  seed ${e.seed}${e.split === undefined ? '' : `, ${e.split} text`}  ${e.agent ?? '-'}${e.measurement?.trust === 'probed' ? '  probed, not proved' : ''}`,
    )
}

function standing(board: BoardReader, h: HypothesisRecord, finding: Finding | undefined): string {
  if (h.vetoed !== undefined)
    return `vetoed by ${plainText(h.vetoed.by)}${h.vetoed.reason === undefined ? '' : `: ${plainText(h.vetoed.reason)}`}`
  if (finding !== undefined)
    return `${finding.verdict}, gain ${signed(finding.gain)} (noise ${finding.noise.toFixed(5)}): ${plainText(finding.lesson)}`
  return isQuarantined(board.board, h)
    ? `quarantined: too good to be taken at its word, scored on the second held-out text by ${h.experiments.at(-1)}`
    : 'open'
}
