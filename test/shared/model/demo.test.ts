// The ideas that `scripted` and the model server bring are for the recipe as it is shipped: whoever changes the recipe changes them.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { openModel } from '@swarm/shared/model/open'
import { readScript } from '@swarm/shared/model/scripted'
import { countedPurse } from '../../support/model-server/counted.ts'
import { IDEAS } from '../../support/model-server/demo.ts'

const recipe = readFileSync(
  path.join(import.meta.dirname, '..', '..', '..', 'trainer-native', 'experiment', 'train.cu'),
  'utf8',
)

test('each edit of the demo finds its text in the shipped recipe once, and changes more than a knob', () => {
  const { hypotheses } = readScript()
  assert.deepEqual(Object.keys(hypotheses).sort(), IDEAS.map(({ title }) => title).sort())
  for (const [title, { edits, lesson }] of Object.entries(hypotheses)) {
    for (const { old } of edits) assert.equal(recipe.split(old).length, 2, `${title}: ${old}`)
    assert.ok(edits.some(({ old }) => /\breturn\b|Tensor/.test(old)))
    assert.notEqual(lesson ?? '', '')
  }
})

test('scripted without a file answers from the demo', async () => {
  const model = await openModel({ researcher: { name: 'scripted' }, purse: countedPurse(), log: () => {} })
  const said = await model.turn(
    {
      purpose: { by: 'a1', role: 'author', hypothesis: { id: 'h0001', title: IDEAS[0]?.title ?? '' } },
      system: '',
      messages: [{ from: 'user', text: 'Write it.' }],
      maxTokens: 100,
    },
    AbortSignal.timeout(10_000),
  )
  assert.ok('uses' in said)
  assert.deepEqual(
    said.uses.map(({ name, input }) => ({ name, input })),
    IDEAS[0]?.edits.map((input) => ({ name: 'replace', input })),
  )
})
