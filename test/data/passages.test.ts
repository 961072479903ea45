import assert from 'node:assert/strict'
import { test } from 'node:test'
import { passages, passagesOf } from '../../coordinator/src/data/passages.ts'
import { english, speech } from './sample.ts'

const bytes = (text: string) => Buffer.byteLength(text)
const bare = (text: string) => text.replace(/\s/g, '')

test('a speech becomes passages of whole sentences, about 700 bytes each, and nothing is lost', () => {
  const text = speech('1862_abraham_lincoln_r.txt')
  const cut = [...passages(text, 700)]
  assert.equal(bare(cut.join('')), bare(text))
  const mean = bytes(text) / cut.length
  assert.ok(mean > 600 && mean < 800, `mean ${mean}`)
  assert.ok(Math.max(...cut.map(bytes)) <= 1400)
  const whole = cut.filter((passage) => /[.!?]["')\]]*$/.test(passage)).length
  assert.ok(whole / cut.length > 0.98, `${whole} of ${cut.length} end with a sentence`)
})

test('abbreviations and initials do not end a sentence', () => {
  const sentence =
    'Mr. Adams met J. Q. Smith of the U.S. Senate in St. Louis, where Dr. Brown spoke of it at some length. '
  const cut = [...passages(sentence.repeat(30), 150)]
  assert.equal(cut.length, 30)
  for (const passage of cut) assert.equal(passage, sentence.trim())
})

test('a short text stays one document, its inner white space untouched', () => {
  assert.deepEqual([...passages('\n\n  first line\n\tsecond  line \n\n', 700)], ['  first line\n\tsecond  line'])
})

test('white space alone is no document', () => {
  assert.deepEqual([...passages(' \n\t\n', 700)], [])
  assert.deepEqual([...passages('\n \n'.repeat(2000), 700)], [])
})

test('paragraphs are packed with the blank line between them', () => {
  const paragraph = `${'word '.repeat(59)}end.` // 299 bytes
  const cut = [...passages(Array(12).fill(paragraph).join('\n\n'), 700)]
  assert.deepEqual(cut, Array(6).fill(`${paragraph}\n\n${paragraph}`))
})

test('text without sentences is cut at white space, and between characters where there is none', () => {
  const words = 'abcdefgh '.repeat(1000)
  for (const passage of passages(words, 700)) assert.match(passage, /^abcdefgh( abcdefgh)*$/)
  const glyphs = '\u{1F600}'.repeat(5000) // two UTF-16 units and four bytes each
  const cut = [...passages(glyphs, 701)]
  assert.equal(cut.join(''), glyphs)
  for (const passage of cut) assert.ok(!/[\u{D800}-\u{DFFF}]/u.test(passage) && bytes(passage) <= 1402)
})

test('Chinese full stops end sentences', () => {
  const sentence = '我们的国家今天比以往任何时候都更加强大。'
  const cut = [...passages(sentence.repeat(200), 600)]
  for (const passage of cut) assert.equal(passage, sentence.repeat(bytes(passage) / bytes(sentence)))
})

test('in pieces or at once: nothing lost, nothing cut inside a sentence', async () => {
  const text = english(3_000_000)
  const arrive = async function* () {
    for (let at = 0; at < text.length; at += 700_001) yield text.slice(at, at + 700_001)
  }
  const cut: string[] = []
  for await (const passage of passagesOf(arrive(), 700)) cut.push(passage)
  assert.equal(bare(cut.join('')), bare(text))
  const broken = cut.slice(0, -1).filter((passage) => !/[.!?:;]["')\]]*$/.test(passage)).length
  assert.ok(broken / cut.length < 0.02, `${broken} of ${cut.length}`)
})
