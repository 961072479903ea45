// Help with examples above the options, where people look first.
import { type Command, Help } from 'commander'

const examples = new WeakMap<Command, readonly string[]>()

/** Lines such as `swarm up --agents 2   two agents on this machine`. */
export function withExamples(command: Command, lines: readonly string[]): Command {
  examples.set(command, lines)
  return command
}

export function formatHelp(command: Command, help: Help): string {
  const text = Help.prototype.formatHelp.call(help, command, help)
  const lines = examples.get(command)
  if (lines === undefined) return text
  const block = `Examples:\n${lines.map((line) => `  ${line}`).join('\n')}\n\n`
  const at = text.search(/^(Arguments|Options|Commands):$/m)
  return at < 0 ? `${text}\n${block}` : text.slice(0, at) + block + text.slice(at)
}
