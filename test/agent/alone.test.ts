// A GPU is one program's at a time; cores are not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Agent, type Equipment } from '@swarm/agent/agent'

/** What began and ended, in order, of two that ask at once; the first one fails. */
async function order(equipment: object): Promise<string[]> {
  const agent = new Agent(equipment as Equipment)
  const told: string[] = []
  const steps = (name: string, fails: boolean) => async (): Promise<void> => {
    told.push(`${name} begins`)
    await new Promise((resolve) => setTimeout(resolve, 20))
    told.push(`${name} ends`)
    if (fails) throw new Error(name)
  }
  const first = assert.rejects(agent.alone(steps('first', true)), /first/)
  await Promise.all([first, agent.alone(steps('second', false))])
  return told
}

test('two programs of one lane take turns on its GPU, also after a failure; on cores they do not wait', async () => {
  assert.deepEqual(await order({ gpu: {} }), ['first begins', 'first ends', 'second begins', 'second ends'])
  assert.deepEqual((await order({})).slice(0, 2), ['first begins', 'second begins'])
})
