// A conversation with tools: turns until the model has said all, gives up, or the turns are used up.
import { clean } from '../quoted.ts'
import {
  isTurn,
  type Message,
  type Model,
  type NoTurn,
  type Request,
  type Stop,
  type Tool,
  type ToolUse,
} from './model.ts'

export interface Conversation {
  turns: number
  /** Why it ended: as the model stopped, or `turns` when they were used up, or `ended` when a tool ended it. */
  how: Exclude<Stop, 'tools' | 'paused'> | 'turns' | 'ended'
  text: string
}

export interface Rules {
  turns: number
  /** Characters of a tool's text that the model gets. */
  toolText: number
  /** Asked after each round of tools: is there anything more to say? */
  ended: () => boolean
  see?: (use: ToolUse, text: string, failed: boolean) => void
}

/** A round cut at max-tokens may go on; this often in a row it makes no sense. */
const CUTS = 2

export async function converse(
  model: Model,
  request: Request,
  rules: Rules,
  signal: AbortSignal,
): Promise<Conversation | NoTurn> {
  const messages: Message[] = [...request.messages]
  let cuts = 0
  let text = ''
  for (let n = 1; n <= rules.turns; n++) {
    const turn = await model.turn({ ...request, messages }, signal)
    if (!isTurn(turn)) return turn
    text = turn.text === '' ? text : turn.text
    messages.push({ from: 'model', turn })
    switch (turn.stop) {
      case 'paused':
        continue
      case 'tools':
        cuts = 0
        break
      case 'max-tokens':
        // What was cut in the middle of a use is not to be trusted: none of its uses is made.
        if (++cuts > CUTS) return { turns: n, how: 'max-tokens', text }
        messages.push(...cutShort(turn.uses))
        continue
      default:
        return { turns: n, how: turn.stop, text }
    }
    const results: Extract<Message, { from: 'tools' }>['results'] = []
    for (const use of turn.uses) {
      const { said, failed } = await useTool(request.tools ?? [], use, signal)
      rules.see?.(use, said, failed)
      results.push({ id: use.id, text: clean(said, rules.toolText), failed })
      if (signal.aborted) return { none: 'aborted', why: 'stopped' }
      if (rules.ended()) return { turns: n, how: 'ended', text }
    }
    messages.push({ from: 'tools', results })
  }
  return { turns: rules.turns, how: 'turns', text }
}

function cutShort(uses: readonly ToolUse[]): Message[] {
  const why = 'The turn was cut at its longest; nothing of it was done. Take a smaller step.'
  if (uses.length === 0) return [{ from: 'user', text: why }]
  return [{ from: 'tools', results: uses.map(({ id }) => ({ id, text: why, failed: true })) }]
}

async function useTool(
  tools: readonly Tool[],
  { name, input }: ToolUse,
  signal: AbortSignal,
): Promise<{ said: string; failed: boolean }> {
  const tool = tools.find((t) => t.name === name)
  if (tool === undefined)
    return { said: `there is no tool ${name}; there is: ${tools.map((t) => t.name).join(', ')}`, failed: true }
  const parsed = tool.input.safeParse(input)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    return { said: `${name}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not as described'}`, failed: true }
  }
  try {
    return { said: await tool.run(parsed.data, signal), failed: false }
  } catch (error) {
    return { said: (error as Error).message, failed: true }
  }
}
