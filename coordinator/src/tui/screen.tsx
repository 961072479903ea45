/** @jsxRuntime automatic */
/** @jsxImportSource react */
// The screen: Ink draws the frame, at most five times a second, in the alternate buffer, and leaves the terminal as it was.
import { Box, render, Text, useInput, useStdin } from 'ink'
import { memo, useEffect, useState, useSyncExternalStore } from 'react'
import { onExit } from 'signal-exit'
import type { Fold } from './fold.ts'
import type { View } from './view.ts'
import { frame, type Row, type Tone } from './frame.ts'
import type { ScreenOptions } from './options.ts'
import { type Size, Terminal } from './terminal.ts'

const ENTER = '\u001b[?1049h\u001b[H'
/** Emptied first, since tmux moves rows of a resized alternate buffer into the history; then the main buffer, cursor shown. */
const RESTORE = '\u001b[H\u001b[J\u001b[?25h\u001b[?1049l'
const FRAME_MS = 200

interface Shown {
  view: View
  note?: string
  now: number
}

const STYLE: Record<Tone, { color?: string; bold?: boolean; dimColor?: boolean; inverse?: boolean }> = {
  plain: {},
  dim: { dimColor: true },
  strong: { bold: true },
  good: { color: 'green' },
  bad: { color: 'red' },
  key: { inverse: true },
}

/** One snapshot a frame, however many events came. */
class Store {
  readonly #readers = new Set<() => void>()
  #note: { text: string; until: number } | undefined
  #shown: Shown
  #dirty = false
  #drawn = 0
  readonly #timer: NodeJS.Timeout

  constructor(readonly fold: Fold) {
    this.#shown = { view: fold.view(), now: Date.now() }
    // Clocks move without events: once a second at least.
    this.#timer = setInterval(() => {
      if (this.#dirty || Date.now() - this.#drawn >= 1_000) this.#draw()
    }, FRAME_MS)
  }

  readonly changed = (): void => {
    this.#dirty = true
  }
  readonly snapshot = (): Shown => this.#shown
  readonly subscribe = (reader: () => void): (() => void) => {
    this.#readers.add(reader)
    return () => this.#readers.delete(reader)
  }

  note(text: string): void {
    this.#note = { text, until: Date.now() + 15_000 }
    this.#dirty = true
  }

  #draw(): void {
    const now = Date.now()
    this.#dirty = false
    this.#drawn = now
    const note = this.#note !== undefined && this.#note.until > now ? this.#note.text : undefined
    this.#shown = { view: this.fold.view(), now, ...(note === undefined ? {} : { note }) }
    for (const reader of this.#readers) reader()
  }

  end(): void {
    clearInterval(this.#timer)
  }
}

function useSize(terminal: Terminal): Size {
  const [size, setSize] = useState(terminal.size())
  useEffect(() => terminal.onResize(setSize), [terminal])
  return size
}

const Line = memo(({ row }: { row: Row }) => (
  <Text wrap="truncate">
    {row.map((span, i) => (
      <Text key={i} {...STYLE[span.tone]}>
        {span.text}
      </Text>
    ))}
  </Text>
))

function Keys({ quit, help }: { quit: () => void; help: (change: (open: boolean) => boolean) => void }): null {
  useInput((input, key) => {
    if (key.ctrl && input === 'c') return quit()
    if (key.escape) return help(() => false)
    // Keys typed fast come as one string.
    for (const { segment } of new Intl.Segmenter().segment(input)) {
      if (segment === 'q') return quit()
      if (segment === '?') help((open) => !open)
    }
  })
  return null
}

function Screen({
  store,
  terminal,
  options,
}: {
  store: Store
  terminal: Terminal
  options: ScreenOptions
}): React.JSX.Element {
  const { view, note, now } = useSyncExternalStore(store.subscribe, store.snapshot)
  const { columns, rows } = useSize(terminal)
  const { isRawModeSupported } = useStdin()
  const [help, setHelp] = useState(false)
  const { ascii, place, quitWords } = options
  const lines = frame(view, {
    columns,
    rows,
    now,
    ascii,
    place,
    quitWords,
    help,
    ...(note === undefined ? {} : { note }),
  })
  return (
    <Box flexDirection="column" width={columns} height={lines.length}>
      {isRawModeSupported ? <Keys quit={options.quit} help={setHelp} /> : null}
      {lines.map((row, i) => (
        <Line key={i} row={row} />
      ))}
    </Box>
  )
}

export interface OpenScreen {
  changed(): void
  note(text: string): void
  close(): Promise<void>
}

export function openScreen(fold: Fold, options: ScreenOptions): OpenScreen {
  const store = new Store(fold)
  process.stdout.write(ENTER)
  let restored = false
  const restore = (): void => {
    if (restored) return
    restored = true
    if (process.stdin.isTTY) process.stdin.setRawMode(false)
    process.stdout.write(RESTORE)
  }
  // However the process ends: a signal, an exception, process.exit.
  const forget = onExit(restore, { alwaysLast: true })
  const terminal = new Terminal(process.stdout)
  const ink = render(<Screen store={store} terminal={terminal} options={options} />, {
    stdout: terminal.stdout,
    exitOnCtrlC: false,
    patchConsole: true,
    maxFps: 10,
  })
  return {
    changed: store.changed,
    note: (text) => store.note(text),
    close: async () => {
      store.end()
      ink.unmount()
      await ink.waitUntilExit()
      terminal.close()
      restore()
      forget()
    },
  }
}
