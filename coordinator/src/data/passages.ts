// Cuts a text into passages of whole sentences, about `size` bytes each. Packing crops what is longer than a row, so a whole
// speech as one document would show the network its first row and lose the rest.

const PARAGRAPH_END = /\n\s*\n/g
/** A full stop and what closes it, unless an abbreviation or an initial stands before it or a small letter follows. */
const SENTENCE_END =
  /(?:(?<!\b(?:Mr|Mrs|Ms|Dr|St|Gen|Col|Gov|Sen|Rep|Hon|No|vs|[A-Z]))\.|[!?…])["'”’)\]]*\s+(?![a-z])|[。！？]["”’」』]*\s*/g

interface Span {
  from: number
  to: number
  bytes: number
}

/** A text of up to three passages (2 kB by default: a note, a short page) stays one document. */
export function* passages(text: string, size: number): Generator<string> {
  if (text.length <= 3 * size && Buffer.byteLength(text) <= 3 * size) {
    yield* trimmed(text)
    return
  }
  let from = 0,
    to = 0,
    bytes = 0
  for (const span of spans(text, size)) {
    // Take the span in when that brings the passage nearer to `size`: |bytes + span − size| ≤ |bytes − size|.
    if (bytes > 0 && 2 * bytes + span.bytes > 2 * size) {
      yield* trimmed(text.slice(from, to))
      bytes = 0
    }
    if (bytes === 0) from = span.from
    to = span.to
    bytes += span.bytes
  }
  if (bytes > 0) yield* trimmed(text.slice(from, to))
}

/** The same over a text that arrives in pieces: never more than a few MB are held. */
export async function* passagesOf(pieces: AsyncIterable<string>, size: number): AsyncGenerator<string> {
  const enough = Math.max(1 << 20, 8 * size)
  let text = ''
  for await (const piece of pieces) {
    text += piece
    if (text.length < enough) continue
    // The last passage may go on in the next piece: it waits.
    let last = ''
    for (const passage of passages(text, size)) {
      if (last) yield last
      last = passage
    }
    text = last ? text.slice(text.lastIndexOf(last)) : ''
  }
  yield* passages(text, size)
}

/** Without blank lines in front and space behind; nothing, when nothing else is there. */
function* trimmed(text: string): Generator<string> {
  const end = text.trimEnd()
  if (end) yield end.replace(/^(?:[^\S\n]*\n)+/, '')
}

/** Paragraphs; sentences where a paragraph is more than two passages; pieces where a sentence is. */
function* spans(text: string, size: number): Generator<Span> {
  for (const paragraph of cut(text, 0, text.length, PARAGRAPH_END)) {
    if (paragraph.bytes <= 2 * size) yield paragraph
    else
      for (const sentence of cut(text, paragraph.from, paragraph.to, SENTENCE_END)) {
        if (sentence.bytes <= 2 * size) yield sentence
        else yield* pieces(text, sentence, size)
      }
  }
}

/** Spans that end where `end` matches, what it matched included. */
function* cut(text: string, from: number, to: number, end: RegExp): Generator<Span> {
  const part = text.slice(from, to)
  let at = 0
  for (const match of part.matchAll(end)) {
    const next = match.index + match[0].length
    yield span(part, at, next, from)
    at = next
  }
  if (at < part.length) yield span(part, at, part.length, from)
}

function span(part: string, from: number, to: number, offset: number): Span {
  return { from: offset + from, to: offset + to, bytes: Buffer.byteLength(part.slice(from, to)) }
}

/** A sentence without end (tables, lists, code): cut at white space, or between two characters where there is none. */
function* pieces(text: string, sentence: Span, size: number): Generator<Span> {
  const step = Math.max(1, Math.floor((size * (sentence.to - sentence.from)) / sentence.bytes))
  let from = sentence.from
  while (from < sentence.to) {
    let to = Math.min(from + step, sentence.to)
    if (to < sentence.to) {
      let space = to
      while (space > from + step / 2 && !/\s/.test(text[space - 1]!)) space--
      if (space > from + step / 2) to = space
      else if (/[\uDC00-\uDFFF]/.test(text[to]!)) to++ // never inside a surrogate pair
    }
    yield span(text, from, to, 0)
    from = to
  }
}
