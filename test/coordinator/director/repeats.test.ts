// Repeats: the same idea in other words is refused, another idea in nearly the same words is not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ALIKE, alike, repeatOf } from '@swarm/coordinator/director/repeats'
import { Script } from '../script.ts'

test('case, punctuation, small words and endings make no other idea', () => {
  for (const [a, b] of [
    ['Replace the squared ReLU by SwiGLU', 'replace squared relu with SwiGLU!'],
    ['Share value embeddings between layers', 'Sharing the value embedding between layers'],
    ['Tie the output head to the token embedding matrix', 'Tie output head and the token embeddings matrix'],
  ] as const)
    assert.ok(alike(a, b) >= ALIKE, `${a} | ${b}: ${alike(a, b)}`)
})

test('another number, another direction or another part is another idea', () => {
  for (const [a, b] of [
    ['Use 4 attention heads in every layer', 'Use 8 attention heads in every layer'],
    [
      'Increase the width of the feed-forward layer in the last block',
      'Decrease the width of the feed-forward layer in the last block',
    ],
    ['Add a gate to the value embeddings of every layer', 'Remove the gate of the value embeddings of every layer'],
    ['Normalise the queries', 'Normalise the keys'],
    ['Replace the squared ReLU by SwiGLU', 'Replace RMSNorm by LayerNorm'],
  ] as const)
    assert.ok(alike(a, b) < ALIKE, `${a} | ${b}: ${alike(a, b)}`)
})

test('against a board: knobs by their values, sentences by their words, each refusal with its reason', () => {
  const s = new Script({ agents: 1 })
  const first = [...s.board.hypotheses.values()][0]?.hypothesis
  assert.ok(first)
  const edit = first.edits[0]
  assert.match(repeatOf(s.board, first.title)?.why ?? '', /same knobs as h0001 \(open\)/)
  assert.match(repeatOf(s.board, `Try ${edit?.knob}=${edit?.value} now`)?.why ?? '', /same knobs as h0001/)
  s.write({
    type: 'hypothesis-proposed',
    hypothesis: { id: 'h0099', title: 'Replace the squared ReLU by SwiGLU', origin: 'model', edits: [] },
  })
  assert.deepEqual(repeatOf(s.board, 'Replacing squared ReLU with SwiGLU'), {
    of: 'h0099',
    why: 'the same as h0099 (open)',
  })
  assert.match(repeatOf(s.board, 'Replace the squared ReLU by SwiGLU everywhere')?.why ?? '', /% the words of h0099/)
  s.write({ type: 'hypothesis-vetoed', hypothesis: 'h0099', by: 'me' })
  assert.match(repeatOf(s.board, 'replace squared relu by swiglu')?.why ?? '', /vetoed/)
  assert.equal(repeatOf(s.board, 'Train with a longer context in the last steps'), undefined)
})
