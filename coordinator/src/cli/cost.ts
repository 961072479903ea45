// swarm cost: what the models have cost so far, by whom and for what.
import type { Command } from 'commander'
import type { Caps } from '@swarm/shared/call'
import type { Sum } from '../board/costs.ts'
import { withExamples } from './examples.ts'
import { homeOption, jsonOption } from './options.ts'
import { data, jsonLine, table } from './output.ts'

export function register(program: Command): void {
  const verb = program
    .command('cost')
    .description('what models have cost: money and tokens, by provider, model, agent, role and hypothesis')
    .option('--run', 'of the last run alone', false)
    .addOption(homeOption())
    .addOption(jsonOption('one JSON object'))
    .action(cost)
  withExamples(verb, [
    'swarm cost                              of this swarm since its first run',
    'swarm cost --run                        of the last run alone',
    "swarm cost --json | jq '.by.model'      tokens by class and money, by model",
  ])
}

async function cost({ home, json, run }: { home: string; json: boolean; run: boolean }): Promise<void> {
  const [{ openReader }, { costs }] = await Promise.all([import('../board/read.ts'), import('../board/costs.ts')])
  const reader = openReader(home)
  const since = run ? (reader.runs().at(-1)?.seq ?? 0) : 0
  const c = costs(reader.board, since)
  await reader.close()
  if (json) return jsonLine(c)
  if (c.all.calls + c.lost.calls + c.unsettled.calls === 0) return data('no model was asked')
  const rows = (kind: string, groups: Record<string, Sum>): string[][] =>
    Object.entries(groups).map(([name, s], i) => [i === 0 ? kind : '', name, ...cells(s)])
  data(
    table([
      ['', '', 'calls', 'input', 'cache read', 'cache write', 'output', 'money'],
      ['settled', '', ...cells(c.all)],
      ...(c.lost.calls === 0 ? [] : [['lost', 'at most', ...cells(c.lost)]]),
      ...(c.unsettled.calls === 0 ? [] : [['in flight', 'at most', ...cells(c.unsettled)]]),
      ...rows('provider', c.by.provider),
      ...rows('model', c.by.model),
      ...rows('agent', c.by.agent),
      ...rows('role', c.by.role),
      ...rows('hypothesis', c.by.hypothesis),
    ]),
  )
  data('')
  const each = c.usdPerImprovement === undefined ? '' : `, ${dollars(c.usdPerImprovement)} each`
  data(`${c.improvements} improvement${c.improvements === 1 ? '' : 's'}${each}`)
  if (c.saidUsd !== undefined) data(`command lines said of their own calls: ${dollars(c.saidUsd)}`)
  if (c.caps !== undefined) data(`caps of the last run: ${capsInWords(c.caps)}`)
}

const dollars = (usd: number): string => `$${usd.toFixed(usd < 1 ? 4 : 2)}`

export function moneyOf({ usd, unpriced, calls }: Sum): string {
  if (unpriced === 0) return dollars(usd ?? 0)
  const unknown = unpriced === calls ? 'price unknown' : `price unknown for ${unpriced}`
  return usd === undefined ? unknown : `${dollars(usd)} + ${unknown}`
}

function cells(s: Sum): string[] {
  const { input, cacheRead, cacheWrite, cacheWriteLong, output } = s.usage
  return [...[s.calls, input, cacheRead, cacheWrite + cacheWriteLong, output].map(String), moneyOf(s)]
}

function capsInWords({ usd, tokens, calls, laneSeconds, wallSeconds }: Caps): string {
  const words = [
    usd === undefined ? [] : `$${usd}`,
    tokens === undefined ? [] : `${tokens} tokens`,
    calls === undefined ? [] : `${calls} calls`,
    laneSeconds === undefined ? [] : `${laneSeconds} lane seconds`,
    wallSeconds === undefined ? [] : `${wallSeconds} s of wall time`,
  ]
  return words.flat().join(', ')
}
