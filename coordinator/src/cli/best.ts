// swarm best: the best recipe, its number, its lineage; and the way home for it.
import { existsSync, readdirSync } from 'node:fs'
import type { Command } from 'commander'
import { plainText } from '../tui/words.ts'
import { withExamples } from './examples.ts'
import { Failed } from './failure.ts'
import { folder, homeOption, jsonOption } from './options.ts'
import { bpb, data, jsonLine, say, signed } from './output.ts'

interface BestOptions {
  home: string
  json: boolean
  checkout?: string
}

export function register(program: Command): void {
  const verb = program
    .command('best')
    .description('the best recipe so far: score, baseline, commit, and the findings it is made of')
    .option('--checkout <dir>', 'bring it home: branch swarm/best of a checkout of yours, or a new folder', folder)
    .addOption(homeOption())
    .addOption(jsonOption('one JSON object: valBpb, baseline, gain, commit, lineage'))
    .action(best)
  withExamples(verb, [
    'swarm best',
    'swarm best --json | jq .valBpb',
    'swarm best --checkout .           as branch swarm/best; nothing else is touched',
    'swarm best --checkout ~/best      a new folder with the best recipe in it',
  ])
}

async function best({ home, json, checkout }: BestOptions): Promise<void> {
  const { openReader } = await import('../board/read.ts')
  const reader = openReader(home)
  const line = reader.bestLine()
  await reader.close()
  if (line === undefined)
    throw new Failed(
      `there is no best in ${home} yet: the swarm has not measured its baseline. Start or go on with: swarm up`,
    )
  if (checkout !== undefined) await bring(home, checkout)
  if (json) return jsonLine(line)
  data(
    `val_bpb   ${bpb(line.valBpb)}${line.gainPercent === undefined ? '' : `, ${line.gainPercent.toFixed(2)}% below the baseline ${bpb(line.baseline)}`}`,
  )
  data(`commit    ${line.commit}`)
  for (const b of line.lineage)
    data(
      `  #${b.n}  ${bpb(b.valBpb)}  ${b.n === 0 ? 'the recipe as shipped' : `gain ${signed(b.gain)}  seeds ${b.seeds.join(' ')}  ${b.hypothesis ?? ''} ${plainText(b.title ?? '')}`}`,
    )
}

async function bring(home: string, dir: string): Promise<void> {
  if (!existsSync(dir) || readdirSync(dir).length === 0) {
    const { git } = await import('@swarm/shared/git')
    const { hubFolder } = await import('../hub.ts')
    await git(home, ['clone', '-q', '--branch', 'best', hubFolder(home), dir])
    return say(`the best recipe is in ${dir}`)
  }
  const { bringHome } = await import('../best.ts')
  const brought = await bringHome(home, dir)
  if ('refused' in brought) throw new Failed(brought.refused)
  say(
    `branch ${brought.branch} of ${dir} is the best now (${brought.commit.slice(0, 12)}). Take it with: git -C ${dir} merge ${brought.branch}`,
  )
}
