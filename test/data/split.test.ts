import assert from 'node:assert/strict'
import { test } from 'node:test'
import { splitOf } from '../../coordinator/src/data/split.ts'

const files = Array.from({ length: 200 }, (_, i) => ({ name: `file ${i}.txt`, bytes: 1000 + 37 * i }))

test('by file: a little over the share of the bytes, whatever the order', () => {
  const { by, side } = splitOf(files, 0.08)
  assert.equal(by, 'file')
  const all = files.reduce((sum, file) => sum + file.bytes, 0)
  const held = files.filter((file) => side(file.name, '') === 'val')
  const share = held.reduce((sum, file) => sum + file.bytes, 0) / all
  assert.ok(share >= 0.08 && share < 0.1, `${share}`)
  const turned = splitOf([...files].reverse(), 0.08)
  assert.deepEqual(
    files.map((file) => turned.side(file.name, '')),
    files.map((file) => side(file.name, '')),
  )
})

test('a file keeps its side when others come and the share still ends there', () => {
  const before = splitOf(files, 0.08)
  const after = splitOf([...files, { name: 'one more.txt', bytes: 2000 }], 0.08)
  const moved = files.filter((file) => before.side(file.name, '') !== after.side(file.name, ''))
  assert.ok(moved.length <= 2, `${moved.length} files changed sides`)
})

test('by passage with few files, or when one file would carry too much', () => {
  const few = splitOf(files.slice(0, 19), 0.08)
  assert.equal(few.by, 'passage')
  const texts = Array.from({ length: 20_000 }, (_, i) => `passage ${i}`)
  const share = texts.filter((text) => few.side('any', text) === 'val').length / texts.length
  assert.ok(Math.abs(share - 0.08) < 0.006, `${share}`) // three standard errors of 20,000 draws
  const heavy = files.map((file) => ({
    ...file,
    bytes: splitOf(files, 0.08).side(file.name, '') === 'val' ? 10_000_000 : file.bytes,
  }))
  assert.equal(splitOf(heavy.slice(0, 60), 0.01).by, 'passage')
})

test('the hidden text: half as much as the validation text, beside it and never in its place', () => {
  for (const many of [files, files.slice(0, 19)]) {
    const { by, side } = splitOf(many, 0.08)
    const texts = by === 'file' ? many : Array.from({ length: 20_000 }, (_, i) => ({ name: `passage ${i}`, bytes: 1 }))
    const all = texts.reduce((sum, { bytes }) => sum + bytes, 0)
    const of = (wanted: string): number =>
      texts.filter(({ name }) => side(name, name) === wanted).reduce((sum, { bytes }) => sum + bytes, 0) / all
    assert.ok(of('hidden') >= 0.034 && of('hidden') <= 0.05, `${by}: ${of('hidden')}`)
    assert.ok(of('val') >= 0.074 && of('val') < 0.1, `${by}: ${of('val')}`)
  }
})

test('a file that would make the hidden text twice too long stays with the training text', () => {
  const order = files.filter(({ name }) => splitOf(files, 0.08).side(name, '') === 'hidden')
  const giant = order[0]?.name
  const heavy = files.map((file) => (file.name === giant ? { ...file, bytes: 40_000 } : file))
  assert.equal(splitOf(heavy, 0.01).side(giant ?? '', ''), 'train')
})
