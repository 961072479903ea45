// Lanes that read: sentences for them alone, follow-ups with their parent, lessons on the finding, and an end when nobody has an idea.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Proposal } from '@swarm/shared/hypothesis'
import { lineOf } from '@swarm/coordinator/work'
import { measured, next, Script, started } from './script.ts'

const say = (s: Script, title: string, more: object = {}): string => {
  const id = `h${String(s.board.hypotheses.size + 1).padStart(4, '0')}`
  s.write({ type: 'hypothesis-proposed', hypothesis: { id, title, origin: 'model', edits: [], ...more } })
  s.settle(false)
  return id
}
const ending = (s: Script): string | undefined => s.finished?.reason
const hypotheses = (s: Script) => [...s.board.hypotheses.values()].map((h) => h.hypothesis)

test('knob screens are made for lanes that search alone', () => {
  assert.equal(hypotheses(new Script({ agents: 4, reading: 1 })).length, 12)
  assert.equal(hypotheses(new Script({ agents: 2, reading: 2, thinking: true })).length, 0)
  const s = new Script({ agents: 4, reading: 3 })
  say(s, 'Think of something')
  s.settle(true)
  assert.equal(hypotheses(s).filter((h) => h.origin === 'search').length, 4, 'a sentence takes no place in their queue')
})

test('a sentence waits in the line of those who read, and what is meant for an agent in its own', () => {
  const s = new Script({ agents: 2, reading: 2, thinking: true })
  const any = say(s, 'Clip the logits')
  const mine = say(s, 'Share the head', { agent: 'a2' })
  const of = (id: string) => [...s.board.experiments.values()].find((e) => e.experiment.hypothesis?.id === id)
  assert.match(lineOf(of(any) as never, ['a1', 'a2']), /^work\.read\./)
  assert.match(lineOf(of(mine) as never, ['a1', 'a2']), /^work\.for\.a2\./)
  assert.match(lineOf(of(mine) as never, ['a1']), /^work\.read\./)
})

test('with nobody to think of more and nothing open, a swarm that reads ends; while somebody thinks, it does not', () => {
  const thinking = started({ agents: 1, reading: 1, thinking: true })
  assert.equal(ending(thinking), undefined)
  const s = started({ agents: 1, reading: 1 })
  assert.match(ending(s) ?? '', /nobody has another idea, and nothing is open/)
  const waiting = new Script({ agents: 1, reading: 1 })
  say(waiting, 'Clip the logits')
  while (waiting.waiting().some((e) => e.kind === 'baseline')) waiting.record(next(waiting, 'baseline'), measured(1.5))
  assert.equal(ending(waiting), undefined)
  waiting.record(next(waiting, 'screen'), measured(1.6))
  assert.match(ending(waiting) ?? '', /4 experiments recorded; nobody/)
})

const idea = (title: string): Proposal => ({ title, area: 'head', mechanism: 'So.' })

test("an author's follow-ups enter the queue with their parent, once, and never what was tried", () => {
  const s = new Script({ agents: 2, reading: 2, thinking: true })
  const id = say(s, 'Clip the logits')
  const followUps = [idea('Clip the logits at twice the value'), idea('clipping the logits'), idea('Scale the head')]
  s.record(next(s, 'screen', id), { ...measured(1.5), followUps })
  s.settle(true)
  const children = hypotheses(s).filter((h) => h.origin === 'follow-up')
  assert.deepEqual(
    children.map((h) => [h.title, h.parent, h.area]),
    [
      ['Clip the logits at twice the value', id, 'head'],
      ['Scale the head', id, 'head'],
    ],
  )
})

test('follow-ups of follow-ups end', () => {
  const s = new Script({ agents: 2, reading: 2, thinking: true })
  let id = say(s, 'Root')
  const names = ['alpha', 'beta', 'gamma', 'delta', 'epsilon']
  for (const name of names) {
    const e = s.waiting().find((w) => w.kind === 'screen' && w.hypothesis?.id === id)
    if (e === undefined) break
    s.record(e, { ...measured(1.5), followUps: [idea(`Another ${name}`)] })
    id = hypotheses(s).at(-1)?.id as string
  }
  assert.deepEqual(
    hypotheses(s).map((h) => h.title),
    ['Root', 'Another alpha', 'Another beta', 'Another gamma'],
  )
})

test("the author's lesson stands on the finding, after our numbers, cleaned", () => {
  const s = started({ agents: 1, reading: 1, thinking: true })
  const id = say(s, 'Clip the logits')
  s.record(next(s, 'screen', id), {
    ...measured(1.6),
    lesson: 'It \u001b[31mhurt\u001b[0m,\nbecause the head is small.',
  })
  const lesson = [...s.board.findings.values()][0]?.finding.lesson ?? ''
  assert.match(lesson, /^Clip the logits: worse by 0\.1000 bpb.*\. It hurt, because the head is small\.$/)
})
