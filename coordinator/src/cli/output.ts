// stdout carries data, stderr carries prose. A reader that went away (| head) ends us quietly.
export function data(text: string): void {
  process.stdout.write(`${text}\n`)
}

export function jsonLine(value: unknown): void {
  data(JSON.stringify(value))
}

export function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

export function endQuietlyWhenReaderLeaves(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
}

/** Columns padded to their widest cell; the last one is left as it is. Numbers are right-aligned by the caller. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  return rows
    .map((row) =>
      row
        .map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

export function bpb(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(5)
}

/** A gain with its sign: positive is better. */
export function signed(value: number | undefined): string {
  if (value === undefined) return '-'
  return `${value < 0 ? '-' : '+'}${Math.abs(value).toFixed(5)}`
}

export function seconds(value: number): string {
  return `${value.toFixed(1)} s`
}
