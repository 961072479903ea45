// Models that need no model: they propose the ideas of a list, keep them all, write the one they are asked for with the author's tools, and
// say what was learned. With the ideas below a swarm on the real recipe shows everything it does with models, without a key.
import type { Reply, Script, Seen } from './reply.ts'
import { rounds } from './seen.ts'

export interface Idea {
  title: string
  mechanism: string
  area: string
  edits: { file: string; old: string; new: string }[]
  lesson: string
}

/** For the shipped recipe: each changes what the network computes, and a number that suits it. */
export const IDEAS: Idea[] = [
  {
    title: 'Three layers whose feed-forward activation lets a tenth of its input through',
    mechanism:
      'A shallower network takes more steps within the budget; a leak keeps the gradient of inactive channels alive.',
    area: 'activation',
    edits: [
      { file: 'train.cu', old: 'DEPTH = 4;', new: 'DEPTH = 3;' },
      { file: 'train.cu', old: 'return square(relu(x)); }', new: 'return square(relu(x)) + 0.1f * x; }' },
    ],
    lesson: 'Steps are worth more than layers at this budget; the leak in the activation did no harm.',
  },
  {
    title: 'Cheaper polar steps and a smooth gated activation in the feed-forward layer',
    mechanism: 'Fewer polar steps leave work for training; x times its sigmoid is smooth where squared relu is flat.',
    area: 'optimizer',
    edits: [
      { file: 'train.cu', old: 'POLAR_STEPS = 5;', new: 'POLAR_STEPS = 3;' },
      { file: 'train.cu', old: 'return square(relu(x)); }', new: 'return x * sigmoid(x); }' },
    ],
    lesson: 'Three polar steps orthogonalise well enough; most of the gain is the work they save.',
  },
  {
    title: 'No norm on the token embedding, which starts at a tenth of its spread',
    mechanism: 'The first norm only hides the scale of the table; without it the table learns its scale itself.',
    area: 'norm',
    edits: [
      {
        file: 'train.cu',
        old: 'Tensor x = g.rmsnorm(g.embed(g.param("wte", shape.vocab, D, normal(EMBEDDING_SD))));',
        new: 'Tensor x = g.embed(g.param("wte", shape.vocab, D, normal(0.1f * EMBEDDING_SD)));',
      },
    ],
    lesson: 'The norm on the embedding earns its place.',
  },
]

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
