// Prompts are documents. `{{name}}` is filled in once, with text that is never looked at again; a line of three dashes parts what the
// model is told for good (the system prompt, cached) from what it is told now.
import { readFileSync } from 'node:fs'

export interface Prompt {
  system: string
  user: string
}

/** The document and the values do not fit: a name without a value, or a value nobody asks for. */
export class PromptInvalid extends Error {
  override name = 'PromptInvalid'
}

export function fillPrompt(document: URL, values: Record<string, string>): Prompt {
  const [system, ...rest] = readFileSync(document, 'utf8').split(/^---$/m)
  const wanted = new Set<string>()
  const fill = (text: string): string =>
    text
      .replace(/\{\{([a-z_]+)\}\}/g, (_, name: string) => {
        wanted.add(name)
        const value = values[name]
        if (value === undefined)
          throw new PromptInvalid(`${document.pathname} asks for {{${name}}}, which is not given`)
        return value
      })
      .trim()
  const filled = { system: fill(system ?? ''), user: fill(rest.join('---')) }
  const unused = Object.keys(values).filter((name) => !wanted.has(name))
  if (unused.length > 0) throw new PromptInvalid(`${document.pathname} does not ask for ${unused.join(', ')}`)
  return filled
}
