// A step line in braille dots (2×4 a cell), or in 7-bit characters (1×1 a cell).
export interface Point {
  x: number
  y: number
}

/** Bits of a braille cell by column and row, Unicode 2800–28FF. */
const DOTS = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const

export class Canvas {
  readonly #cells: Uint8Array
  readonly #sx: number
  readonly #sy: number

  constructor(
    readonly columns: number,
    readonly rows: number,
    readonly ascii: boolean,
  ) {
    this.#cells = new Uint8Array(columns * rows)
    this.#sx = ascii ? 1 : 2
    this.#sy = ascii ? 1 : 4
  }

  get width(): number {
    return this.columns * this.#sx
  }
  get height(): number {
    return this.rows * this.#sy
  }

  set(x: number, y: number): void {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return
    const cell = Math.floor(y / this.#sy) * this.columns + Math.floor(x / this.#sx)
    this.#cells[cell] = (this.#cells[cell] as number) | (this.ascii ? 1 : (DOTS[x % 2]?.[y % 4] ?? 0))
  }

  lines(): string[] {
    return Array.from({ length: this.rows }, (_, row) =>
      Array.from({ length: this.columns }, (_, column) => {
        const bits = this.#cells[row * this.columns + column] as number
        return bits === 0 ? ' ' : this.ascii ? '*' : String.fromCharCode(0x2800 + bits)
      }).join(''),
    )
  }
}

/** Best over time: flat until it moves, then a step down. x and y in their own units; the last value holds to `end`. */
export function stepLine(
  points: readonly Point[],
  end: number,
  columns: number,
  rows: number,
  ascii: boolean,
): { lines: string[]; high: number; low: number } {
  const canvas = new Canvas(Math.max(1, columns), Math.max(1, rows), ascii)
  const ys = points.map((p) => p.y)
  const high = Math.max(...ys)
  const low = Math.min(...ys)
  const first = points[0]
  if (first === undefined) return { lines: canvas.lines(), high: 0, low: 0 }
  const span = Math.max(end - first.x, 1e-9)
  const px = (x: number): number => Math.min(canvas.width - 1, Math.round(((x - first.x) / span) * (canvas.width - 1)))
  const py = (y: number): number =>
    high === low ? canvas.height >> 1 : Math.round(((high - y) / (high - low)) * (canvas.height - 1))
  for (const [i, p] of points.entries()) {
    const next = points[i + 1]
    for (let x = px(p.x); x <= px(next?.x ?? end); x++) canvas.set(x, py(p.y))
    if (next === undefined) continue
    const [a, b] = [py(p.y), py(next.y)].sort((m, n) => m - n) as [number, number]
    for (let y = a; y <= b; y++) canvas.set(px(next.x), y)
  }
  return { lines: canvas.lines(), high, low }
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'] as const

/** A bar of `width` cells, `share` of it full. */
export function bar(share: number, width: number, ascii: boolean): string {
  const full = Math.max(0, Math.min(1, share)) * width
  if (ascii) return '#'.repeat(Math.round(full)).padEnd(width, '.')
  return ('█'.repeat(Math.floor(full)) + (EIGHTHS[Math.floor((full % 1) * 8)] ?? '')).padEnd(width, ' ')
}
