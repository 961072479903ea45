// Models that need no model: they propose the ideas of a list, keep them all, write the one they are asked for with the author's tools, and
// say what was learned. With the ideas of the scripted researcher a swarm on the real recipe shows everything it does with models, without a key.
import { readScript } from '@swarm/shared/model/scripted'
import { z } from 'zod'
import type { Reply, Script, Seen } from './reply.ts'
import { rounds } from './seen.ts'

export interface Idea {
  title: string
  mechanism: string
  area: string
  edits: { file: string; old: string; new: string }[]
  lesson: string
}

const { hypotheses, answers } = readScript()
const Proposed = z.object({ title: z.string(), mechanism: z.string(), area: z.string() })
/** For the shipped recipe: each changes what the network computes, and a number that suits it. */
export const IDEAS: Idea[] = z
  .array(Proposed)
  .parse(answers.hypotheses?.[0]?.hypotheses)
  .map((idea) => {
    const { edits = [], lesson = '' } = hypotheses[idea.title] ?? {}
    return { ...idea, edits, lesson }
  })

const card = ({ title, mechanism, area }: Idea): object => ({
  title,
  mechanism,
  area,
  expected_gain: null,
  expected_why: null,
  builds: [],
  risk: null,
})

export const playing =
  (ideas: readonly Idea[]): Exclude<Script, Reply[]> =>
  (seen: Seen): Reply => {
    const told = seen.said.map(({ text }) => text).join('\n')
    const idea = ideas.find(({ title }) => told.includes(title))
    switch (seen.wants) {
      case 'hypotheses':
        return { text: JSON.stringify({ hypotheses: ideas.filter(({ title }) => !told.includes(title)).map(card) }) }
      case 'verdicts':
        return { text: JSON.stringify({ verdicts: ideas.map((_, i) => ({ number: i + 1, keep: true, why: 'New.' })) }) }
      case 'lesson':
        return { text: JSON.stringify({ lesson: idea?.lesson ?? 'Nothing.', follow_ups: [] }) }
    }
    if (idea === undefined) return { uses: [{ name: 'give_up', input: { reason: 'No idea how.' } }] }
    const steps: NonNullable<Reply['uses']>[] = [
      [{ name: 'read', input: { file: 'train.cu', from: 60, to: 140 } }],
      idea.edits.map((input) => ({ name: 'replace', input })),
      [
        { name: 'build', input: {} },
        { name: 'try', input: {} },
      ],
    ]
    const uses = steps[rounds(seen)]
    return uses === undefined ? { text: 'Written as proposed.' } : { uses, delta: 5 }
  }
export const demo = playing(IDEAS)
