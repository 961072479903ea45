// What a score must be trusted for before its network may become the best.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseProgram } from '@swarm/shared/settings'
import { type Came, next, type Script, type ScriptOptions, started } from './script.ts'

/** The next hypothesis gains 0.02 on every seed, 1.5 being the base; what its screen and its repeat are trusted for. */
function gained(program: ScriptOptions['program'], screen: Came['trust'], repeat: Came['trust'] = screen): Script {
  const s = started(program === undefined ? {} : { program })
  const e = next(s, 'screen')
  const came = (trust: Came['trust']): Came => ({
    outcome: 'measured',
    valBpb: 1.48,
    ...(trust === undefined ? {} : { trust }),
  })
  s.record(e, came(screen))
  const again = s.waiting().find((w) => w.kind === 'repeat' && w.hypothesis?.id === e.hypothesis?.id)
  if (again === undefined) return s
  for (const base of s.waiting().filter((w) => w.kind === 'baseline'))
    s.record(base, { outcome: 'measured', valBpb: 1.5 })
  s.record(again, came(repeat))
  return s
}
const verdict = (s: Script): string => s.findings().map((f) => `${f.verdict} ${f.outcome}`)[0] ?? 'none'
const cause = (s: Script): string => [...s.board.findings.values()][0]?.finding.cause ?? ''

test('a proved gain is promoted, a probed one is not, and says what would let it', () => {
  const proved = gained(undefined, undefined)
  assert.equal(verdict(proved), 'confirmed improved')
  assert.equal(proved.best.n, 1)
  const probed = gained(undefined, 'probed')
  assert.equal(verdict(probed), 'failed diff-rejected')
  assert.match(cause(probed), /^its score is probed, not proved: .*\(smooth\).*customOps: allowed/)
  assert.equal(probed.best.n, 0)
})

test('what is not known to be proved never grants: neither an older judge’s silence nor a repeat that is less than its screen', () => {
  const silent = gained(undefined, 'unknown')
  assert.match(cause(silent), /measured before scores said so/)
  assert.equal(silent.best.n, 0)
  const later = gained(undefined, undefined, 'probed')
  assert.equal(verdict(later), 'failed diff-rejected')
  assert.equal(later.best.n, 0)
})

test('a program that allows it promotes a probed gain; other words are refused', () => {
  const allowed = gained({ customOps: 'allowed' }, 'probed')
  assert.equal(verdict(allowed), 'confirmed improved')
  assert.equal(allowed.best.n, 1)
  assert.equal(parseProgram('---\nnoise: 0.004\n---\n').customOps, 'refused')
  assert.equal(parseProgram('---\ncustomOps: allowed\n---\n').customOps, 'allowed')
  assert.throws(() => parseProgram('---\ncustomOps: promoted\n---\n'), /customOps/)
})
