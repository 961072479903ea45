// From the words of a command line to a model that is ready to be asked.
import type { ResearcherOf } from '../researcher.ts'
import { needKey, takeKey } from './keys.ts'
import { Metered } from './metered.ts'
import type { Model } from './model.ts'
import type { Purse } from './purse.ts'
import { readScript, ScriptedWire } from './scripted.ts'
import type { Wire } from './wire.ts'

/** This researcher is no model that can be asked over an interface, or lacks what it needs; the message says what. */
export class ModelUnknown extends Error {
  override name = 'ModelUnknown'
}

export interface Opening {
  researcher: ResearcherOf
  purse: Purse
  /** A server of your own: with /v1 for openai, without for anthropic. It may want no key. */
  baseUrl?: string | undefined
  /** File with the answers of `scripted`; without it, and without one for a model's name, its demo. */
  script?: string | undefined
  log: (line: string) => void
}

/** Takes the provider's key out of the environment. Throws ModelUnknown, KeyMissing or ScriptInvalid. */
export async function openModel({ researcher, purse, baseUrl, script, log }: Opening): Promise<Model> {
  return new Metered(await wireOf(researcher, baseUrl, script), purse, log)
}

async function wireOf(
  { name, model }: ResearcherOf,
  given: string | undefined,
  script: string | undefined,
): Promise<Wire> {
  if (name === 'scripted') return new ScriptedWire(readScript(script ?? model))
  if (name !== 'anthropic' && name !== 'openai') throw new ModelUnknown(`${name} is not asked over an interface`)
  if (model === undefined) throw new ModelUnknown(`${name}: which model? Write ${name}:MODEL`)
  const address = given ?? process.env[name === 'anthropic' ? 'ANTHROPIC_BASE_URL' : 'OPENAI_BASE_URL']
  const baseUrl = address === '' ? undefined : address
  // A server of one's own mostly wants no key; the SDKs want a word.
  const key = baseUrl === undefined ? needKey(name) : takeKey(name)
  const at = { key: key?.value ?? 'none', baseUrl }
  // The SDKs are half of what a process would load at its start, and most processes ask no model.
  if (name === 'anthropic') return new (await import('./anthropic.ts')).AnthropicWire(model, at)
  return new (await import('./openai.ts')).OpenAiWire(model, at)
}
