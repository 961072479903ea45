// What is built on turns: conversations with tools, answers of a fixed shape, and the model that answers from a file.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NO_USAGE } from '@swarm/shared/call'
import { answer, readAnswer } from '@swarm/shared/model/answer'
import { LessonCard, proposalsOf, ProposalsCard } from '@swarm/shared/model/cards'
import { converse, type Rules } from '@swarm/shared/model/converse'
import { Metered } from '@swarm/shared/model/metered'
import { type Request, tool } from '@swarm/shared/model/model'
import { Script, ScriptedWire } from '@swarm/shared/model/scripted'
import { z } from 'zod'
import { countedPurse } from '../../support/model-server/counted.ts'
import { each, idle, look, request } from './stage.ts'

const rules = (rest: Partial<Rules> = {}): Rules => ({ turns: 6, toolText: 400, ended: () => false, ...rest })

each(
  'a conversation: wrong input, a tool that is not there and one that throws go back to the model; what it reads is cleaned',
  [
    {
      uses: [
        { name: 'look', input: { file: 7, line: null } },
        { name: 'nothing', input: {} },
      ],
    },
    {
      uses: [
        { name: 'fail', input: {} },
        { name: 'nasty', input: {} },
      ],
    },
    { text: 'Done.' },
  ],
  async (s) => {
    const fail = tool({
      name: 'fail',
      description: 'Fails.',
      input: z.object({}),
      run: async () => Promise.reject(new Error('no such file')),
    })
    const nasty = tool({
      name: 'nasty',
      description: 'Nasty.',
      input: z.object({}),
      run: async () => `\x1b[2J${'x'.repeat(900)}`,
    })
    const made = await converse(s.model, request({ tools: [look, fail, nasty] }), rules(), idle)
    assert.deepEqual(made, { turns: 3, how: 'end', text: 'Done.' })
    const said = (n: number): string => JSON.stringify(s.server.seen[n]?.said.slice(-2))
    assert.match(said(1), /look: file/)
    assert.match(said(1), /there is no tool nothing; there is: look, fail, nasty/)
    assert.match(said(2), /no such file/)
    assert.ok(!/\\u001b/.test(said(2)) && said(2).includes('x'.repeat(399)) && !said(2).includes('x'.repeat(400)))
  },
)

each(
  'cut at its longest: nothing of the turn is done, and it goes on; a third cut ends it',
  [{ text: 'a', uses: [{ name: 'look', input: { file: 'a', line: null } }], stop: 'max-tokens' }],
  async (s) => {
    const uses: string[] = []
    const made = await converse(s.model, request({ tools: [look] }), rules({ see: (u) => uses.push(u.name) }), idle)
    assert.deepEqual(made, { turns: 3, how: 'max-tokens', text: 'a' })
    assert.deepEqual(uses, [])
  },
)

each(
  'turns are used up; a pause is sent on as it is',
  (seen) =>
    seen.n === 1 && seen.protocol === 'messages'
      ? { text: 'wait', stop: 'paused' }
      : { uses: [{ name: 'look', input: { file: 'a', line: null } }] },
  async (s) => {
    assert.deepEqual(await converse(s.model, request({ tools: [look] }), rules({ turns: 4 }), idle), {
      turns: 4,
      how: 'turns',
      text: s.server.seen[0]?.protocol === 'messages' ? 'wait' : '',
    })
    assert.equal(s.server.seen.length, 4)
  },
)

each(
  'an answer that is not as asked is asked for once more; what may be null may be missing',
  [
    { text: 'I would say: {"lesson": 7}' },
    {
      text: '```json\n{"lesson":"It helped.","follow_ups":[{"title":" Go\\n on ","mechanism":"m","builds":["h0001","x"],"area":"The Optimizer!"}]}\n```',
    },
  ],
  async (s) => {
    const made = await answer(s.model, { ...request(), answer: { name: 'lesson', schema: LessonCard } }, idle)
    assert.ok('value' in made, JSON.stringify(made))
    assert.deepEqual(proposalsOf(made.value.follow_ups, 3), [
      { title: 'Go on', mechanism: 'm', area: 'the-optimizer', builds: ['h0001'] },
    ])
    assert.match(s.server.seen[1]?.last ?? '', /not the lesson asked for: lesson/)
  },
)

each(
  'twice something else is no answer; a refusal is none at once',
  [{ text: 'no' }, { text: '{' }, { text: 'I will not.', stop: 'refusal' }],
  async (s) => {
    const ask = (): ReturnType<typeof answer> =>
      answer(s.model, { ...request(), answer: { name: 'lesson', schema: LessonCard } }, idle)
    assert.deepEqual(await ask(), { none: 'unparsed', why: 'it holds no JSON object' })
    assert.deepEqual(await ask(), { none: 'unparsed', why: 'the model refused to answer' })
  },
)

test('an answer is read out of the words around it, and nothing else is', () => {
  const schema = z.object({ a: z.array(z.object({ b: z.string().nullable() })), c: z.number().nullable() })
  assert.deepEqual(readAnswer(schema, 'so: {"a":[{}]} ok'), { value: { a: [{ b: null }], c: null } })
  assert.ok('wrong' in readAnswer(schema, '{"c":1}'))
  assert.ok('wrong' in readAnswer(schema, '{"a": [}'))
})

test('scripted: edits, a lesson, proposals; by title, then in order; each turn counted at nothing', async () => {
  const purse = countedPurse()
  const script = Script.parse({
    hypotheses: {
      'Square it': {
        edits: [{ file: 'train.cu', old: 'a', new: 'b' }],
        lesson: 'It squares.',
        followUps: [{ title: 'Cube it' }],
      },
    },
    authors: [{ giveUp: 'cannot' }],
    answers: { hypotheses: [{ hypotheses: [{ title: 'Square it', area: 'activation' }] }] },
  })
  const model = new Metered(new ScriptedWire(script), purse)
  const of = (role: 'author' | 'lesson' | 'propose', title?: string): Request =>
    request({ purpose: { by: 'a1', role, ...(title === undefined ? {} : { hypothesis: { id: 'h0001', title } }) } })
  const uses: unknown[] = []
  const note = tool({
    name: 'replace',
    description: '',
    input: z.object({ file: z.string(), old: z.string(), new: z.string() }),
    run: async (i) => `edit ${uses.push(i)}`,
  })
  let gaveUp = ''
  const give_up = tool({
    name: 'give_up',
    description: '',
    input: z.object({ reason: z.string() }),
    run: async (i) => (gaveUp = i.reason),
  })
  const tools = [note, give_up]
  assert.deepEqual(await converse(model, { ...of('author', 'Square it'), tools }, rules(), idle), {
    turns: 2,
    how: 'end',
    text: 'Done.',
  })
  assert.deepEqual(uses, [{ file: 'train.cu', old: 'a', new: 'b' }])
  await converse(model, { ...of('author', 'Other'), tools }, rules({ ended: () => gaveUp !== '' }), idle)
  assert.equal(gaveUp, 'cannot')
  const lesson = await answer(
    model,
    { ...of('lesson', 'Square it'), answer: { name: 'lesson', schema: LessonCard } },
    idle,
  )
  assert.ok('value' in lesson && lesson.value.lesson === 'It squares.')
  const propose = (): ReturnType<typeof answer> =>
    answer(model, { ...of('propose'), answer: { name: 'hypotheses', schema: ProposalsCard } }, idle)
  const [first, second] = [await propose(), await propose()] as { value: z.infer<typeof ProposalsCard> }[]
  assert.deepEqual(proposalsOf(first?.value.hypotheses ?? [], 8), [{ title: 'Square it', area: 'activation' }])
  assert.deepEqual(second?.value.hypotheses, [])
  assert.ok(purse.calls.every((c) => c.provider === 'scripted'))
  assert.deepEqual(purse.usage(), NO_USAGE)
  assert.equal(purse.ends.length, 6)
})
