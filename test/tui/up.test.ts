// `swarm up` in a real terminal: the screen of a real run, and a terminal left as it was by q and by Ctrl-C.
import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { type Checkout, makeCheckout } from '../support/checkout.ts'
import { has, SWARM, Tmux, until } from './tmux.ts'

const skip = has('tmux') ? false : 'NOT TESTED: swarm up in a terminal needs tmux (Debian: apt-get install tmux)'
const dir = mkdtempSync(path.join(tmpdir(), 'swarm-up-'))
let checkout: Checkout
before(async () => {
  if (skip === false) checkout = await makeCheckout(dir, { seconds: 0.3 })
})
after(() => rmSync(dir, { recursive: true, force: true }))

const up = (home: string): string =>
  `${process.execPath} ${SWARM} up --agents 1 --home ${home} --checkout ${checkout.dir} --data ${checkout.data}`
const SLOW_MS = 60_000

for (const [columns, rows, key] of [
  [100, 30, 'q'],
  [60, 20, 'C-c'],
] as const) {
  test(`${columns}x${rows}: the run on the screen, resized, ended with ${key}, then the summary on the old page`, {
    skip,
  }, async () => {
    const home = path.join(dir, `home-${key}`)
    const terminal = new Tmux(columns, rows, `${up(home)}; echo exit code $?`)
    const screen = (): string => terminal.rows().join('\n')
    try {
      await until('a result', () => /val_bpb 1\.6\d{4}/.test(screen()) && /^a1 /m.test(screen()), SLOW_MS)
      for (const [wide, high] of [
        [72, 18],
        [110, 34],
        [columns, rows],
      ] as const) {
        terminal.resize(wide, high)
        await until(
          `a frame of ${wide}x${high}`,
          () =>
            terminal.rows().length === high &&
            / q stop the swarm/.test(terminal.rows().at(-2) ?? '') &&
            terminal.rows()[0]?.startsWith('swarm  '),
        )
        for (const once of [/^swarm {2}/, /^best {3}/, / q stop the swarm/, /^a1 /])
          assert.equal(terminal.rows().filter((row) => once.test(row)).length, 1, `${once} once in\n${screen()}`)
      }
      const asked = Date.now()
      terminal.keys(key)
      await until('the end', () => /exit code \d/.test(screen()))
      assert.ok(Date.now() - asked < 12_000)
      assert.match(screen(), /exit code 0/)
      assert.match(screen(), /Next:/)
      assert.deepEqual(terminal.state(), { alternate: '0', cursor: '1' })
      assert.equal(existsSync(path.join(home, 'swarm.json')), false)
      terminal.keys('stty -a', 'Enter')
      await until('a terminal that echoes lines', () => / icanon/.test(screen()) && / echo /.test(screen()))
    } finally {
      terminal.close()
    }
  })
}

test('lines in a terminal without a keyboard and under CI, without an escape byte', { skip }, async () => {
  for (const [how, command] of [
    ['stdin', `${up(path.join(dir, 'home-null'))} --experiments 1 </dev/null`],
    ['ci', `CI=true ${up(path.join(dir, 'home-ci'))} --experiments 1`],
  ] as const) {
    const terminal = new Tmux(140, 40, `clear; ${command}; echo exit code $?`)
    try {
      await until('the end', () => terminal.rows().some((row) => row.startsWith('exit code')), SLOW_MS)
      const all = terminal.rows().join('\n')
      assert.match(all, /exit code 0/, how)
      assert.match(all, /^\d\d:\d\d:\d\d {2}experiment e0001 {2}baseline/m, how)
      const bytes = terminal.bytes()
      assert.doesNotMatch(bytes.slice(bytes.indexOf('nats-server')), /\u001b/, how)
    } finally {
      terminal.close()
    }
  }
})
