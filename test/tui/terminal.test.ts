// The screen in a real terminal: every size, resized, and left as it was found.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { after, before, test } from 'node:test'
import xterm from '@xterm/headless'
import { type Hub, storyHub } from './hub.ts'
import { has, SWARM, Tmux, until } from './tmux.ts'

const skip = has('tmux') ? false : 'NOT TESTED: the screen in a terminal needs tmux (Debian: apt-get install tmux)'
let hub: Hub
before(async () => {
  hub = await storyHub()
})
after(() => hub.close())

const watch = (): string => `${process.execPath} ${SWARM} watch --url ${hub.url}`
const ready = (rows: readonly string[]): boolean =>
  rows.some((row) => row.includes('train e0008')) && rows.some((row) => row.includes('h0001'))

function assertFrame(rows: readonly string[], what: string): void {
  const all = rows.join('\n')
  assert.equal(rows.filter((row) => row.startsWith('swarm  ')).length, 1, `${what}: one head line\n${all}`)
  assert.equal(rows[0]?.startsWith('swarm  '), true, `${what}: it is the first\n${all}`)
  assert.equal(rows.filter((row) => row.includes('q leave')).length, 1, `${what}: one key bar\n${all}`)
  assert.match(rows.at(-2) ?? '', /^ q leave {3}\? help/, `${what}: at the bottom\n${all}`)
  assert.equal(
    rows.filter((row) => row.includes('╭')).length,
    rows.filter((row) => row.includes('╰')).length,
    `${what}: the box is whole\n${all}`,
  )
  assert.match(all, /val_bpb 1\.84600/, what)
}

test('100x30, then smaller, tiny, and bigger: each frame fits and is whole', { skip }, async () => {
  const terminal = new Tmux(100, 30, watch())
  try {
    await until('the screen', () => ready(terminal.rows()))
    assertFrame(terminal.rows(), '100x30')
    assert.ok(terminal.rows().some((row) => row.includes('╭ best val_bpb over time')))
    const firstSecond = terminal.bytes().length
    for (const [columns, rows] of [
      [60, 20],
      [60, 16],
      [160, 50],
      [59, 14],
      [100, 30],
    ] as const) {
      terminal.resize(columns, rows)
      await until(
        `a frame of ${columns}x${rows}`,
        () =>
          terminal.rows().length === rows &&
          /^ q leave/.test(terminal.rows().at(-2) ?? '') &&
          terminal.rows()[0]?.startsWith('swarm  '),
      )
      assertFrame(terminal.rows(), `${columns}x${rows}`)
    }
    terminal.resize(30, 8)
    await until(
      'the one line',
      () =>
        terminal.rows().filter((row) => row !== '').length === 1 &&
        terminal.rows()[0]?.startsWith('best 1.84600 (too small'),
    )
    assert.doesNotMatch(
      terminal.bytes().slice(firstSecond),
      /\u001b\[[23]J/,
      'no frame clears the screen or the scrollback',
    )
  } finally {
    terminal.close()
  }
})

test('60x20 from the start; keys typed in one burst; no colour where none is wanted', { skip }, async () => {
  const terminal = new Tmux(60, 20, watch(), { NO_COLOR: '1' })
  try {
    await until('the screen', () => ready(terminal.rows()))
    assertFrame(terminal.rows(), '60x20')
    assert.doesNotMatch(terminal.styled(), /\u001b\[(3[0-9]|4[0-9]|9[0-7]|[34]8)/, 'no colour sequence')
    terminal.keys('j', 'j', '?')
    await until('help', () => terminal.rows()[0] === 'Keys' && /^ \? back/.test(terminal.rows().at(-2) ?? ''))
    terminal.keys('Escape')
    await until('back', () => terminal.rows()[0]?.startsWith('swarm  '))
    await hub.tell({
      type: 'agent-joined',
      at: new Date().toISOString(),
      agent: 'lab-7',
      session: 1,
      lane: { kind: 'cpu', cores: [3] },
      machine: { host: 'other', cpu: 'x', cores: 4 },
    })
    await until('what happens now', () => terminal.rows().some((row) => row.startsWith('lab-7')))
  } finally {
    terminal.close()
  }
})

for (const way of ['q', 'C-c', 'TERM', 'HUP'] as const) {
  test(`${way} leaves the terminal as it was`, { skip }, async () => {
    const terminal = new Tmux(80, 24, `sh -c 'echo $$ > /dev/null; exec ${watch()}'`)
    try {
      await until('the screen', () => ready(terminal.rows()))
      assert.equal(terminal.state().alternate, '1')
      if (way === 'q' || way === 'C-c') terminal.keys(way)
      else process.kill(terminal.child(), `SIG${way}`)
      await until(
        'the shell',
        () => terminal.rows().some((row) => row.includes('left the screen')) && terminal.state().alternate === '0',
      )
      assert.deepEqual(terminal.state(), { alternate: '0', cursor: '1' })
      terminal.keys('stty -a', 'Enter')
      await until(
        'a terminal that echoes lines',
        () => / icanon/.test(terminal.rows().join('\n')) && / echo /.test(terminal.rows().join('\n')),
      )
      assert.ok(
        terminal.rows().some((row) => row === 'earlier text'),
        terminal.rows().join('\n'),
      )
    } finally {
      terminal.close()
    }
  })
}

for (const [columns, rows] of [
  [100, 30],
  [60, 20],
] as const) {
  test(`${columns}x${rows} read back by a terminal emulator`, {
    skip: has('script') ? false : 'NOT TESTED: needs script (util-linux)',
  }, async () => {
    const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true })
    const program = spawn('script', ['-qec', `stty cols ${columns} rows ${rows}; ${watch()}`, '/dev/null'], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, TERM: 'xterm-256color' },
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    program.stdout.on('data', (bytes: Buffer) => terminal.write(bytes))
    const ended = new Promise<number | null>((resolve) => program.once('exit', resolve))
    const grid = (): string[] =>
      Array.from({ length: rows }, (_, y) => terminal.buffer.active.getLine(y)?.translateToString(true) ?? '')
    try {
      await until('the screen', () => ready(grid()))
      await new Promise((resolve) => setTimeout(resolve, 1_500))
      assert.equal(terminal.buffer.active.type, 'alternate')
      assertFrame(grid(), `${columns}x${rows}`)
      program.stdin.write('q')
      assert.equal(await ended, 0)
      await until('the main buffer', () => terminal.buffer.active.type === 'normal')
    } finally {
      program.kill('SIGKILL')
    }
  })
}
