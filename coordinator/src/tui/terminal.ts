// The terminal as Ink shall see it. Ink clears screen and scrollback whenever a frame fills its idea of the height, and after a
// resize draws the frame of the old size once more, which wraps and leaves ghost rows. So it is told of no height and of no resize:
// frames fit by themselves (frame.ts), and the first one after a resize starts on an empty page.
const EMPTY_PAGE = '\u001b[H\u001b[J'

export interface Size {
  columns: number
  rows: number
}

export class Terminal {
  readonly stdout: NodeJS.WriteStream
  readonly #readers = new Set<(size: Size) => void>()
  #resized = false

  constructor(readonly real: NodeJS.WriteStream) {
    real.on('resize', this.#changed)
    this.stdout = new Proxy(real, {
      get: (target, name) => {
        if (name === 'rows') return Infinity
        if (name === 'write') return this.#write
        if (name === 'on' || name === 'off')
          return (event: string, f: () => void) => (event === 'resize' ? this.stdout : target[name](event, f))
        const value: unknown = Reflect.get(target, name, target)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  size(): Size {
    return { columns: this.real.columns || 80, rows: this.real.rows || 24 }
  }

  onResize(reader: (size: Size) => void): () => void {
    this.#readers.add(reader)
    return () => {
      this.#readers.delete(reader)
    }
  }

  readonly #changed = (): void => {
    this.#resized = true
    for (const reader of this.#readers) reader(this.size())
  }

  readonly #write = (chunk: string, ...more: []): boolean => {
    const empty = this.#resized ? EMPTY_PAGE : ''
    this.#resized = false
    return this.real.write(empty + chunk, ...more)
  }

  close(): void {
    this.real.off('resize', this.#changed)
  }
}
