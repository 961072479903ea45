// How words of the command line become values; a refusal names the right form.
import path from 'node:path'
import { InvalidArgumentError, Option } from 'commander'
import { stateDir } from '../home.ts'

export function whole(low: number, high: number): (text: string) => number {
  return (text) => {
    const n = Number(text)
    if (!/^\d+$/.test(text) || n < low || n > high)
      throw new InvalidArgumentError(`A whole number from ${low} to ${high} is needed.`)
    return n
  }
}

export const scaleOption = (): Option =>
  new Option(
    '--scale <scale>',
    'size of the task: cpu, or gpu for the reference on one GPU (default: from program.md)',
  ).choices(['cpu', 'gpu'])

export function positive(text: string): number {
  const n = Number(text)
  if (!Number.isFinite(n) || n <= 0) throw new InvalidArgumentError('A number above 0 is needed.')
  return n
}

/** Same form as `Budget` of the shared schemas; kept as a pattern so that usage errors need no schema library. */
export function budget(text: string): string {
  if (!/^(work|cpu|wall):\d+(\.\d+)?(s|m|h)$|^tokens:\d+(\.\d+)?[kM]?$/.test(text))
    throw new InvalidArgumentError('A budget is work:20s, cpu:20s, wall:5m or tokens:200k.')
  return text
}

export function name(text: string): string {
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(text))
    throw new InvalidArgumentError('A name is lower-case letters, digits and "-", at most 32, a letter first.')
  return text
}

/** "0,1" or "0-3,6" → core numbers. */
export function cores(text: string): number[] {
  const list = text.split(',').flatMap((part) => {
    const m = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part)
    const from = Number(m?.[1])
    const to = Number(m?.[2] ?? m?.[1])
    if (m === null || to < from) throw new InvalidArgumentError('Cores are numbers and ranges, such as 0,1 or 0-3.')
    return Array.from({ length: to - from + 1 }, (_, i) => from + i)
  })
  return [...new Set(list)]
}

/** The URL of a hub, as "swarm invite" prints it. */
export function hubAddress(text: string): string {
  if (!/^(nats|tls|wss?):\/\/[^/\s]+/.test(text) || !URL.canParse(text))
    throw new InvalidArgumentError('It looks like nats://agent:TOKEN@HOST:PORT and comes from "swarm invite".')
  return text
}

export const MAX_SEED = 2 ** 31 - 1
export const folder = (text: string): string => path.resolve(text)

export const homeOption = (): Option =>
  new Option('--home <dir>', 'where this swarm keeps everything')
    .default(path.join(stateDir(), 'home'), '<state>/home')
    .argParser(folder)
export const dataOption = (): Option =>
  new Option('--data <dir>', 'data set, as made by "swarm prepare"')
    .default(path.join(stateDir(), 'data', 'sotu-v1024'), '<state>/data/sotu-v1024')
    .argParser(folder)
export const jsonOption = (what = 'facts as JSON on stdout'): Option => new Option('--json', what).default(false)

/** 90 · 90s · 30m · 8h, in seconds. */
export function duration(text: string): number {
  const m = /^(\d+(?:\.\d+)?)(s|m|h)?$/.exec(text)
  const seconds = Number(m?.[1]) * { s: 1, m: 60, h: 3600 }[(m?.[2] ?? 's') as 's' | 'm' | 'h']
  if (m === null || !(seconds > 0)) throw new InvalidArgumentError('A time is 90s, 30m or 8h.')
  return seconds
}

export function baseUrl(text: string): string {
  if (!/^https?:\/\/[^/\s]+/.test(text) || !URL.canParse(text))
    throw new InvalidArgumentError('It looks like http://127.0.0.1:11434/v1.')
  return text
}

/** Options of everybody who brings a researcher. */
export function researcherOptions(): Option[] {
  return [
    new Option(
      '--researcher <who>',
      'what turns a hypothesis into an edit: NAME[:MODEL][=SHARE],… of search, anthropic, openai, claude, codex, scripted',
    ).default('search'),
    new Option('--base-url <url>', 'a server of yours that speaks like Anthropic or OpenAI').argParser(baseUrl),
    new Option(
      '--script <file>',
      'answers of the scripted researcher (without it: three ideas for the shipped recipe)',
    ).argParser(folder),
  ]
}
