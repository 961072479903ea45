// Text that somebody else wrote, on its way into a prompt or onto a screen: cleaned, capped, and quoted as data.
import { randomBytes } from 'node:crypto'

/** Terminal sequences (CSI, OSC and its kin up to their end, two-character escapes). */
const ESCAPES =
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]?/g
/** Control characters but tab and line end; what turns, hides or joins text: bidi marks, zero widths, line separators, tags, lone surrogates. */
const HIDDEN =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e0fff}]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/gu

/** Fit to be stored and shown: nothing in it acts, no longer than `most`, its end kept (or its start). */
export function clean(text: string, most: number, kept: 'end' | 'start' = 'end'): string {
  const safe = text.replace(/\r\n?/g, '\n').replace(ESCAPES, '').replace(HIDDEN, '')
  if (safe.length <= most) return safe
  return kept === 'end' ? `…${safe.slice(safe.length - most + 1)}` : `${safe.slice(0, most - 1)}…`
}

/** A tag nobody could have written into a text beforehand. One a prompt. */
export const freshTag = (): string => `data-${randomBytes(6).toString('hex')}`

export interface Quoting {
  tag: string
  /** What it is, in words of ours. */
  what: string
  most: number
  kept?: 'end' | 'start'
}

/** The text between marks that only this prompt has. What is between them is data: the system prompt says so. */
export function quote(text: string, { tag, what, most, kept = 'end' }: Quoting): string {
  let body = clean(text, most, kept)
  // Taking it out once may put another together.
  while (body.includes(tag)) body = body.replaceAll(tag, '')
  return `<${tag} what="${what}">\n${body.replace(/\n+$/, '')}\n</${tag}>`
}

/** The same on one line, its start kept. */
export const cleaned = (text: string, most: number): string =>
  clean(clean(text, text.length).replace(/\s+/g, ' ').trim(), most, 'start')

/** One line between double quotes, quotes and backslashes inside it escaped: nothing in it can end the quotation. */
export const quoted = (text: string, most: number): string => JSON.stringify(cleaned(text, most))
