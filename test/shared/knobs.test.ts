import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readKnobs, refuseValue, setKnobs } from '@swarm/shared/knobs'
import { knobKey } from '@swarm/shared/hypothesis'

const SOURCE = `// The recipe.
// Learning rate of the matrices. range 0.005..0.2 log
constexpr float MUON_LR = 0.04f;
// Layers of the network. range 2..8 int
constexpr int DEPTH = 4;
// Window of each layer. choices SSSL|LLLL|SLSL
constexpr char WINDOWS[] = "SSSL";
// Value embeddings on every second layer. choices true|false
constexpr bool VALUE_EMBEDDINGS = true;
// not a knob: no range
constexpr float EPS = 1e-10f;
int main() { float MUON_LR2 = 0.04f; }
`

test('knobs are read with type, bare value, words and range', () => {
  const knobs = readKnobs(SOURCE)
  assert.deepEqual(
    knobs.map((k) => [k.name, k.type, k.value]),
    [
      ['MUON_LR', 'float', '0.04'],
      ['DEPTH', 'int', '4'],
      ['WINDOWS', 'text', 'SSSL'],
      ['VALUE_EMBEDDINGS', 'bool', 'true'],
    ],
  )
  assert.equal(knobs[0]?.words, 'Learning rate of the matrices.')
  assert.deepEqual(knobs[0]?.range, { kind: 'range', low: 0.005, high: 0.2, scale: 'log' })
})

test('setting knobs changes those literals and not one byte more', () => {
  const set = setKnobs(SOURCE, [
    { knob: 'MUON_LR', value: '0.02' },
    { knob: 'WINDOWS', value: 'LLLL' },
    { knob: 'VALUE_EMBEDDINGS', value: 'false' },
  ])
  assert.ok('source' in set)
  const changed = set.source.split('\n').filter((line, i) => line !== SOURCE.split('\n')[i])
  assert.deepEqual(changed, [
    'constexpr float MUON_LR = 0.02f;',
    'constexpr char WINDOWS[] = "LLLL";',
    'constexpr bool VALUE_EMBEDDINGS = false;',
  ])
  const whole = setKnobs(SOURCE, [{ knob: 'MUON_LR', value: '1e-2' }])
  assert.ok('source' in whole && whole.source.includes('MUON_LR = 1e-2f;'))
})

test('a float knob given a whole number stays a float literal', () => {
  const source = '// Cap. range 1..100 log\nconstexpr float SOFTCAP = 15.0f;\n'
  const set = setKnobs(source, [{ knob: 'SOFTCAP', value: '30' }])
  assert.ok('source' in set && set.source.endsWith('SOFTCAP = 30.0f;\n'))
})

test('what a knob cannot take is refused with the reason, and nothing is changed', () => {
  const refusals = [
    ['MUON_LR', '0.5', /0.005..0.2/],
    ['MUON_LR', 'fast', /number/],
    ['MUON_LR', '', /number/],
    ['DEPTH', '2.5', /whole/],
    ['WINDOWS', 'X"; system("x', /one of/],
    ['NOPE', '1', /no knob NOPE/],
    ['EPS', '1', /no knob EPS/],
  ] as const
  for (const [knob, value, why] of refusals) {
    const set = setKnobs(SOURCE, [{ knob, value }])
    assert.ok('refused' in set && why.test(set.refused), `${knob}=${value}`)
  }
  assert.equal(refuseValue(readKnobs(SOURCE)[1] as never, '8'), undefined)
})

test('two hypotheses with the same knobs in another order are the same one', () => {
  const a = [
    { knob: 'B', value: '1' },
    { knob: 'A', value: '2' },
  ]
  assert.equal(knobKey(a), knobKey([...a].reverse()))
  assert.equal(knobKey([]), undefined)
})

test('a second range is that of the scale of a GPU', () => {
  const source =
    '// Tokens a step. range 256..16384 pow2 gpu 65536..1048576 pow2\nconstexpr int TOKENS = at_scale(512, 524288);\n'
  const [cpu, gpu] = (['cpu', 'gpu'] as const).map((scale) => readKnobs(source, scale)[0])
  assert.deepEqual([cpu?.value, cpu?.range], ['512', { kind: 'range', low: 256, high: 16384, scale: 'pow2' }])
  assert.deepEqual([gpu?.value, gpu?.range], ['524288', { kind: 'range', low: 65536, high: 1048576, scale: 'pow2' }])
  assert.deepEqual([cpu?.words, gpu?.words], ['Tokens a step.', 'Tokens a step.'])
  assert.ok('refused' in setKnobs(source, [{ knob: 'TOKENS', value: '262144' }]))
  assert.ok('source' in setKnobs(source, [{ knob: 'TOKENS', value: '262144' }], 'gpu'))
})

test('a knob of two values: the one of the scale in force is read and set, and the other one stays', () => {
  const source = `// Layers. range 1..12 int
constexpr int DEPTH = at_scale(4, 8);
// Rate. range 0.004..0.4 log
constexpr float MATRIX_LR = at_scale( 0.04f , 2e-2f );
// Windows. choices SSSL|L
constexpr char WINDOWS[] = at_scale("L", "SSSL");
// Rows. range 1..1000 int
constexpr int ROWS = 16;
`
  const values = (scale?: 'cpu' | 'gpu'): string[] => readKnobs(source, scale).map((k) => k.value)
  assert.deepEqual(values(), ['4', '0.04', 'L', '16'])
  assert.deepEqual(values('gpu'), ['8', '2e-2', 'SSSL', '16'])
  const edits = [
    { knob: 'DEPTH', value: '6' },
    { knob: 'MATRIX_LR', value: '0.1' },
    { knob: 'WINDOWS', value: 'L' },
    { knob: 'ROWS', value: '32' },
  ]
  const lines = (scale: 'cpu' | 'gpu'): string[] => {
    const set = setKnobs(source, edits, scale)
    return 'source' in set ? set.source.split('\n').filter((line) => line.startsWith('constexpr')) : [set.refused]
  }
  assert.deepEqual(lines('gpu'), [
    'constexpr int DEPTH = at_scale(4, 6);',
    'constexpr float MATRIX_LR = at_scale( 0.04f , 0.1f );',
    'constexpr char WINDOWS[] = at_scale("L", "L");',
    'constexpr int ROWS = 32;',
  ])
  assert.deepEqual(lines('cpu'), [
    'constexpr int DEPTH = at_scale(6, 8);',
    'constexpr float MATRIX_LR = at_scale( 0.1f , 2e-2f );',
    'constexpr char WINDOWS[] = at_scale("L", "SSSL");',
    'constexpr int ROWS = 32;',
  ])
  assert.match(JSON.stringify(setKnobs(source, [{ knob: 'DEPTH', value: '13' }], 'gpu')), /DEPTH lies in 1..12/)
})
