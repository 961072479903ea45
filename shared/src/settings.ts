// Reading program.md: front matter between --- lines, `key: value` each, then prose.
import { Program } from './program.ts'
import { USUAL_AT } from './scale.ts'

/** program.md cannot be used as it is; the message names the line and what would be right. */
export class ProgramInvalid extends Error {
  override name = 'ProgramInvalid'
}

export function parseProgram(text: string): Program {
  const m = /^---\n([\s\S]*?)\n---\n?([\s\S]*)$/.exec(text.replaceAll('\r\n', '\n'))
  const fields: Record<string, unknown> = { prose: (m?.[2] ?? text).trim() }
  for (const [i, line] of (m?.[1] ?? '').split('\n').entries()) {
    const bareLine = line.replace(/\s+#.*$/, '').trim()
    if (bareLine === '' || bareLine.startsWith('#')) continue
    const kv = /^([A-Za-z]+):\s*(.*)$/.exec(bareLine)
    if (kv === null) throw new ProgramInvalid(`program.md line ${i + 2}: expected "key: value", found "${line}"`)
    const key = kv[1] as string
    if (!(key in Program.shape) || key === 'prose')
      throw new ProgramInvalid(
        `program.md line ${i + 2}: unknown setting "${key}"; known: ${Object.keys(Program.shape)
          .filter((k) => k !== 'prose')
          .join(', ')}`,
      )
    fields[key] = value(kv[2] as string)
  }
  const parsed = Program.safeParse(fields.scale === 'gpu' ? { ...USUAL_AT.gpu, ...fields } : fields)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new ProgramInvalid(`program.md: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`)
}

function value(text: string): unknown {
  if (/^\[.*\]$/.test(text))
    return text
      .slice(1, -1)
      .split(',')
      .map((t) => value(t.trim()))
  if (/^-?\d+(\.\d+)?(e-?\d+)?$/i.test(text)) return Number(text)
  return text
}
