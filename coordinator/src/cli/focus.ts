// swarm focus: what people want looked at first.
import type { Command } from 'commander'
import { withExamples } from './examples.ts'
import { Usage } from './failure.ts'
import { homeOption, jsonOption } from './options.ts'
import { data, jsonLine } from './output.ts'

interface FocusOptions {
  home: string
  clear: boolean
  json: boolean
}

export function register(program: Command): void {
  const verb = program
    .command('focus')
    .description(
      'point at an area to be looked at first. The search turns the knobs whose name or comment in train.cu has its words before all others, from its next hypotheses on; models are told of it',
    )
    .argument('[area...]', 'one or more words: attention, learning-rate, momentum')
    .option('--clear', 'anything again', false)
    .addOption(homeOption())
    .addOption(jsonOption())
    .action(focus)
  withExamples(verb, ['swarm focus learning-rate', 'swarm focus attention window', 'swarm focus --clear'])
}

async function focus(words: string[], { home, clear, json }: FocusOptions): Promise<void> {
  const area = clear ? undefined : words.join('-')
  if (clear === words.length > 0) throw new Usage('give an area or --clear, for example: swarm focus learning-rate')
  if (area !== undefined && !/^[a-z][a-z0-9-]{0,39}$/.test(area))
    throw new Usage(`"${area}" is no area; small letters, digits and dashes, at most 40, for example learning-rate.`)
  const { ask, person } = await import('./hub.ts')
  const { knobs } = await ask(home, 'focus', { by: person(), ...(area === undefined ? {} : { area }) })
  if (json) return jsonLine({ area: area ?? null, knobs })
  if (area === undefined) return data('no focus: anything again')
  data(
    knobs.length === 0
      ? `focus on ${area}: no knob speaks of it, so it is for researchers that read`
      : `focus on ${area}: ${knobs.join(', ')} come first`,
  )
}
