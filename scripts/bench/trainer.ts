// npm run bench:trainer: one training step of the shipped experiment beside what this machine can do at most and beside
// PyTorch. All take turns, several rounds, and each keeps its best: a busy minute harms all alike.
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { run } from '../../shared/src/exec.ts'
import { type Bench, type Ceiling, type Peer, type Step, table } from './table.ts'

const native = join(import.meta.dirname, '..', '..', 'trainer-native')
const build = process.env.SWARM_BUILD ?? join(native, 'build')

const usage = `npm run bench:trainer -- [--json] [--rounds N] [--T N] [--tokens N] [--steps N]

Times training steps (forward, backward, update; random tokens) of trainer-native/experiment/train.cu with 1 and 2 workers,
what the machine can do at most (fused multiply-adds, our products, OpenBLAS, oneDNN), and the same step in PyTorch.
--rounds 3 each in turn, the best counts · --T 256 tokens in a row · --tokens 4096 in a step · --steps 5 timed in a round
--json one object for a machine. SWARM_PYTHON names a python3 that has torch; without it python3 and /usr/bin/python3 are tried.`

const settings = { json: false, help: false, rounds: '3', T: '256', tokens: '4096', steps: '5' }

/** What the program printed; anything but exit code 0 ends the benchmark. */
async function printed(file: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const { code, end, output, stdout } = await run(file, args, { cwd: native, env, timeoutMs: 900_000 })
  if (code === 0) return stdout
  throw new Error(
    `${file} ${args.join(' ')} ended with ${JSON.stringify(end)}\n${output.trim().split('\n').slice(-15).join('\n')}`,
  )
}
const json = async (file: string, args: string[], env?: Record<string, string>) =>
  JSON.parse(await printed(file, args, env))

/** A python3 with torch, and whether its torch.compile works there: it needs a version that has it, and a compiler. */
async function pythonWithTorch(): Promise<{ file: string; compiles: boolean } | undefined> {
  const named = process.env.SWARM_PYTHON
  for (const file of named === undefined ? ['python3', '/usr/bin/python3'] : [named]) {
    const has = await run(file, ['-c', 'import torch'], { timeoutMs: 60_000 }).catch(() => undefined)
    if (has?.code !== 0) continue
    const tried = 'import torch; assert float(torch.compile(lambda x: x.sin() + 1)(torch.zeros(4)).sum()) == 4'
    return { file, compiles: (await run(file, ['-c', tried], { timeoutMs: 120_000 })).code === 0 }
  }
  return undefined
}

/** Keeps the lesser of each time. */
function keepBest<T extends { wallSeconds: number; processorSeconds: number }>(
  best: Map<string, T>,
  key: string,
  now: T,
) {
  const old = best.get(key)
  const least = (one: 'wallSeconds' | 'processorSeconds') => Math.min(now[one], old?.[one] ?? now[one])
  const lesser = old === undefined || now.processorSeconds < old.processorSeconds ? now : old
  best.set(key, { ...lesser, wallSeconds: least('wallSeconds'), processorSeconds: least('processorSeconds') })
}

async function measure(given: typeof settings): Promise<Bench> {
  const say = (line: string) => process.stderr.write(`bench: ${line}\n`)
  say('building')
  await printed('make', ['-s', `BUILD=${build}`, `${build}/bench-step`, `${build}/bench-ceilings`])
  const python = await pythonWithTorch()
  const cores = Math.min(2, cpus().length)
  const scale = ['--T', given.T, '--tokens', given.tokens, '--steps', given.steps]
  const loadBefore = loadavg()[0] ?? 0
  const steps = new Map<string, Step>()
  const peers = new Map<string, Peer>()
  const ceilings = new Map<string, Ceiling>()
  for (let round = 1; round <= Number(given.rounds); round++) {
    say(`round ${round} of ${given.rounds}`)
    for (let workers = 1; workers <= cores; workers++) {
      const step = await json(`${build}/bench-step`, [...scale, '--workers', `${workers}`, '--json'])
      keepBest(steps, `${workers}`, step as Step)
      for (const coretype of ['', 'SKYLAKEX']) {
        const env: Record<string, string> = coretype === '' ? {} : { OPENBLAS_CORETYPE: coretype }
        const found = await json(`${build}/bench-ceilings`, ['--workers', `${workers}`, '--json'], env)
        for (const { name, detail, gflops } of found.ceilings as Ceiling[]) {
          const key = `${name} ${detail} ${workers}`
          const best = Math.max(gflops, ceilings.get(key)?.gflops ?? 0)
          ceilings.set(key, { name, detail, gflops: best, workers })
        }
      }
      if (python === undefined) continue
      for (const mode of python.compiles ? ['eager', 'compiled'] : ['eager']) {
        const extra = mode === 'compiled' ? ['--compile'] : []
        const args = ['bench/torch_step.py', ...scale, '--threads', `${workers}`, ...extra]
        keepBest(peers, `${mode} ${workers}`, (await json(python.file, args)) as Peer)
      }
    }
  }
  const [ours, theirs] = [steps, peers].map((all) => [...all.values()][0]?.parameters)
  if (theirs !== undefined && ours !== theirs)
    throw new Error(
      `bench/torch_step.py has ${theirs} parameters, the experiment ${ours}: they are not the same network`,
    )
  const missing: string[] = []
  const all = [...ceilings.values()]
  for (const [name, how] of [
    ['openblas sgemm', 'apt-get install libopenblas0'],
    ['onednn sgemm', 'apt-get install libdnnl2 (or libdnnl3)'],
  ])
    if (!all.some((c) => c.name === name && c.gflops > 0)) missing.push(`${name}: not installed; ${how}`)
  if (python === undefined)
    missing.push(
      'PyTorch: no python3 with torch; apt-get install python3-torch, or pip install torch and SWARM_PYTHON=…',
    )
  else if (!python.compiles)
    missing.push('PyTorch compiled: this torch has no working torch.compile (2.0 or newer, and g++)')
  return {
    machine: { cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, loadBefore },
    scale: { T: Number(given.T), tokensPerStep: Number(given.tokens), rounds: Number(given.rounds) },
    steps: [...steps.values()],
    ceilings: all.filter((c) => c.gflops > 0),
    torch: [...peers.values()],
    missing,
  }
}

try {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean' },
      help: { type: 'boolean' },
      rounds: { type: 'string' },
      T: { type: 'string' },
      tokens: { type: 'string' },
      steps: { type: 'string' },
    },
  })
  const given = { ...settings, ...values }
  for (const name of ['rounds', 'T', 'tokens', 'steps'] as const)
    if (!/^[1-9][0-9]{0,6}$/.test(given[name]))
      throw new TypeError(`--${name} is '${given[name]}', expected a whole number`)
  if (given.help) console.log(usage)
  else {
    const bench = await measure(given)
    console.log(given.json ? JSON.stringify(bench) : table(bench))
  }
} catch (error) {
  const wrong = error instanceof TypeError // of the command line
  console.error(wrong ? `${error.message}\n\n${usage}` : (error as Error).message)
  process.exitCode = wrong ? 2 : 1
}
