// What bench:trainer measured, and the table a person reads. Rates are by processor time unless a column says otherwise:
// on a shared machine the clock on the wall measures the neighbours.

interface Row {
  name: string
  ops: number
  seconds: number
  flops: number
  chargedSeconds: number
}
interface Timed {
  wallSeconds: number
  /** Of all threads together. */
  processorSeconds: number
}
/** One training step of ours. */
export interface Step extends Timed {
  isa: string
  workers: number
  tokensPerStep: number
  parameters: number
  families: Row[]
  ops: Row[]
}
/** The same step in PyTorch. */
export interface Peer extends Timed {
  torch: string
  mode: string
  threads: number
  parameters: number
}
export interface Ceiling {
  name: string
  detail: string
  workers: number
  /** Of all workers together. */
  gflops: number
}
export interface Bench {
  machine: { cpu: string; cores: number; loadBefore: number }
  scale: { T: number; tokensPerStep: number; rounds: number }
  steps: Step[]
  ceilings: Ceiling[]
  torch: Peer[]
  missing: string[]
}

// Tokens a second by the clock, by cores, of steps of this shape: set on a processor whose best product did 257 GF/s a core.
const GOAL_SHAPE = { T: 256, tokensPerStep: 4096 }
const GOALS = { 1: 26_000, 2: 48_000 }
// One worker sleeps nowhere, so what its clock shows beyond its processor time went to somebody else.
const BUSY = 1.03
const line = (name: string, ...cells: string[]) => name.padEnd(34) + cells.map((cell) => cell.padStart(14)).join('')
const percent = (share: number) => `${(100 * share).toFixed(0)}%`

function families(step: Step, peak: number): string[] {
  const whole = step.families.find((row) => row.name === 'whole step')?.seconds ?? Number.NaN
  return step.families.map((row) => {
    const rate = row.flops / row.seconds / 1e9
    const cells = [(row.seconds * 1e3).toFixed(2), rate.toFixed(1), percent(rate / peak), percent(row.seconds / whole)]
    return line(row.name, ...cells, percent(row.chargedSeconds / row.seconds))
  })
}

/** Tokens a second by processor time (of a core, times the cores) and by the clock on the wall. */
function rates(name: string, timed: Timed, workers: number, tokens: number, flops: number): string {
  const processor = timed.processorSeconds / workers
  const each = [tokens / processor, tokens / timed.wallSeconds].map((rate) => rate.toFixed(0))
  return line(name, (timed.wallSeconds * 1e3).toFixed(1), ...each, (flops / processor / 1e9).toFixed(1))
}

export function table(bench: Bench): string {
  const { T, tokensPerStep, rounds } = bench.scale
  const one = bench.steps.find((step) => step.workers === 1)
  if (one === undefined) throw new Error('no step with one worker was measured')
  const two = bench.steps.find((step) => step.workers === 2)
  const flops = one.families.find((row) => row.name === 'whole step')?.flops ?? Number.NaN
  const most = (workers: number, wanted: (ceiling: Ceiling) => boolean) =>
    Math.max(...bench.ceilings.filter((c) => c.workers === workers && wanted(c)).map((c) => c.gflops))
  const peak = (workers: number) => most(workers, (c) => c.name === 'fma peak')
  const gemm = (workers: number) => most(workers, (c) => c.name !== 'fma peak')
  const out = [
    `one training step of ${tokensPerStep} tokens, T ${T}, kernels ${one.isa}, best of ${rounds} rounds`,
    `${bench.machine.cpu}, ${bench.machine.cores} cores, load ${bench.machine.loadBefore.toFixed(2)} before the start`,
    '',
    line('1 worker', 'ms', 'GF/s', 'of FMA peak', 'of the step', 'charged'),
    ...families(one, peak(1)),
    '',
    line('whole steps', 'ms (clock)', 'tok/s (cpu)', 'tok/s (clock)', 'GF/s (cpu)'),
    ...bench.steps.map((s) => rates(`ours, ${s.workers} worker(s)`, s, s.workers, tokensPerStep, flops)),
    ...bench.torch.map((p) =>
      rates(`PyTorch ${p.torch} ${p.mode}, ${p.threads} thread(s)`, p, p.threads, tokensPerStep, flops),
    ),
    '',
    line('ceilings, GF/s', '1 core', '2 cores'),
  ]
  for (const { name, detail } of bench.ceilings.filter((c) => c.workers === 1)) {
    const rate = (workers: number) => most(workers, (c) => c.name === name && c.detail === detail)
    out.push(line(`${name} ${detail}`, rate(1).toFixed(1), Number.isFinite(rate(2)) ? rate(2).toFixed(1) : '-'))
  }
  out.push('', 'ratios')
  const ratio = (name: string, value: string) => out.push(`${name.padEnd(66)}${value}`)
  const reached = flops / one.processorSeconds / 1e9
  ratio('whole step / best GEMM of any library, 1 core', percent(reached / gemm(1)))
  ratio('whole step / FMA peak, 1 core', percent(reached / peak(1)))
  for (const p of bench.torch) {
    const ours = p.threads === 1 ? one : two
    if (ours === undefined) continue
    const times = (a: number, b: number) => `${(a / b).toFixed(2)}x`
    const name = `ours / PyTorch ${p.mode}, ${p.threads} core(s)`
    ratio(`${name}, by processor time`, times(p.processorSeconds, ours.processorSeconds))
    ratio(`${name}, by the clock`, times(p.wallSeconds, ours.wallSeconds))
  }
  if (two !== undefined) {
    ratio('2 workers / 1 worker, by the clock', `${(one.wallSeconds / two.wallSeconds).toFixed(2)}x`)
    ratio(
      '2 workers / 1 worker, by processor time',
      `${((2 * one.processorSeconds) / two.processorSeconds).toFixed(2)}x`,
    )
  }
  const atGoal = T === GOAL_SHAPE.T && tokensPerStep === GOAL_SHAPE.tokensPerStep
  for (const step of atGoal ? bench.steps : []) {
    const goal = GOALS[step.workers as keyof typeof GOALS]
    const needed = (goal * flops) / tokensPerStep / 1e9
    ratio(`${goal} tok/s on ${step.workers} core(s), of FMA peak here`, percent(needed / peak(step.workers)))
    ratio(
      `${goal} tok/s on ${step.workers} core(s), reached by the clock`,
      percent(tokensPerStep / step.wallSeconds / goal),
    )
  }
  const taken = one.wallSeconds / one.processorSeconds
  if (taken > BUSY)
    out.push(
      '',
      `THE MACHINE WAS BUSY (one worker ran ${percent(1 / taken)} of the time): figures by the clock mean nothing.`,
    )
  for (const row of bench.missing) out.push('', `MISSING ROW  ${row}`)
  return out.join('\n')
}
