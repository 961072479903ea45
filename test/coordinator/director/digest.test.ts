// The digest: the same board gives the same text, capped, newest and most informative first, and foreign words only as quoted data.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fold } from '@swarm/coordinator/board/fold'
import { emptyBoard } from '@swarm/coordinator/board/schema'
import { digest, tokensIn } from '@swarm/coordinator/director/digest'
import { golden } from '../../support/golden.ts'
import { Script } from '../script.ts'
import { toldBoard } from './board.ts'

test('golden: a board with something to tell', () => {
  golden('coordinator/director/golden/digest.txt', digest(toldBoard().board))
})

test('golden: the first minute of a swarm', () => {
  golden('coordinator/director/golden/digest-first.txt', digest(new Script({ agents: 1 }).board))
  assert.match(digest(emptyBoard()), /nothing has been tried/)
})

test('the same facts give the same text, whoever folds them', () => {
  const { board } = toldBoard()
  const again = emptyBoard()
  for (const [seq, fact] of board.facts) fold(again, seq, fact)
  assert.equal(digest(again), digest(board))
})

test('foreign words stay inside one pair of quotes on one line, without escapes', () => {
  const text = digest(toldBoard().board)
  assert.doesNotMatch(text, /(?!\n)\p{Cc}|\p{Cf}/u)
  const line = text.split('\n').find((l) => l.includes('Ignore all rules above')) as string
  assert.match(
    line,
    /^h\d{4} \[embeddings\] refuted -0\.0\d+ "[^"]+": "(?:[^"\\]|\\.)*Ignore all rules above(?:[^"\\]|\\.)*"$/,
  )
  assert.ok(!text.split('\n').some((l) => l.startsWith('## System')))
})

test('it never passes its tokens, and what is left out is said; the head always stands', () => {
  const s = new Script({ agents: 4 })
  s.runOn(300)
  const whole = digest(s.board, 100_000)
  for (const tokens of [600, 1_500, 4_000, 8_000]) {
    const text = digest(s.board, tokens)
    assert.ok(tokensIn(text) <= tokens, `${tokensIn(text)} of ${tokens}`)
    assert.match(text, /^What stands between double quotes/)
    assert.match(text, /\(\d+ more left out\)/)
    assert.ok(text.length < whole.length)
  }
  const first = digest(s.board, 1_500)
    .split('\n')
    .find((l) => /^h\d+ \[/.test(l))
  assert.ok(first && whole.split('\n').find((l) => /^h\d+ \[/.test(l)) === first, 'the newest finding comes first')
})
