// Makes and plays the fake trainer and judge; the Makefile says what they do.
'use strict'
const { createHash } = require('node:crypto')
const { spawn } = require('node:child_process')
const fs = require('node:fs')
const path = require('node:path')

const OPTIMUM = {
  MUON_LR: [0.03, 0.012],
  EMBED_LR: [0.5, 0.008],
  WEIGHT_DECAY: [0.1, 0.004],
  WARMDOWN: [0.6, 0.01],
  ROWS: [8, 0.02],
  DEPTH: [6, 0.02],
}
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex')
const hashed = (text) => parseInt(sha256(text).slice(0, 12), 16) / 2 ** 48

function constants(text, scale) {
  const found = {}
  const source = text.replace(/at_scale\(([^,]+), ([^)]+)\)/g, scale === 'gpu' ? '$2' : '$1')
  for (const m of source.matchAll(/^constexpr \w+ ([A-Z_]+)(?:\[\])? = "?([^";]+?)f?"?;/gm)) found[m[1]] = m[2]
  return found
}

// A bowl: every knob costs weight · log2(value/optimum)², so halves and doubles are worth the same.
function score(k, seed) {
  let bpb = 1.6
  for (const [name, [best, weight]] of Object.entries(OPTIMUM)) bpb += weight * Math.log2(Number(k[name]) / best) ** 2
  if (k.WINDOWS === 'L') bpb -= 0.002
  const key = Object.keys(k)
    .filter((n) => n !== 'SECONDS')
    .sort()
    .map((n) => `${n}=${k[n]}`)
    .join(' ')
  // Box and Muller; the seed's own part is shared by all recipes, as with real seeds, so pairs differ by less.
  const normal = (text) =>
    Math.sqrt(-2 * Math.log(hashed(`${text} u`) + 1e-12)) * Math.cos(2 * Math.PI * hashed(`${text} v`))
  return bpb + 0.002 * normal(`seed ${seed}`) + 0.002 * normal(`${key} ${seed}`)
}

function options(args) {
  const o = {}
  for (let i = 0; i < args.length; i++) {
    if (['--json', '--describe'].includes(args[i])) o[args[i].slice(2)] = true
    else o[args[i].slice(2)] = args[++i]
  }
  return o
}

const end = (code, why) => {
  fs.writeSync(2, `${why}\n`)
  process.exit(code)
}
const wait = (seconds) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000)
const manifestOf = (data) => {
  try {
    return sha256(fs.readFileSync(path.join(data, 'manifest.json')))
  } catch {
    return end(4, `no data set in ${data}`)
  }
}

/** Of this lane, when the run is on a GPU. */
function device(k, o) {
  const number = process.env.CUDA_VISIBLE_DEVICES || undefined
  if (o.backend !== undefined && o.backend !== 'cpu' && k.BACKEND !== 'cuda')
    end(2, `--backend ${o.backend}: this trainer has no CUDA`)
  if (o.backend !== 'cuda' && o.backend !== 'auto') return undefined
  if (o.backend === 'auto' && number === undefined) return undefined
  if (number === undefined) end(7, 'no CUDA device is visible')
  const smi = (process.env.PATH ?? '').split(':').find((dir) => fs.existsSync(path.join(dir, 'nvidia-smi')))
  if (smi !== undefined && fs.existsSync(path.join(smi, 'gpus', `${number}.broken`)))
    end(7, `device ${number}: an uncorrectable ECC error`)
  if (smi !== undefined) hold(path.join(smi, 'gpus', `${number}.inuse`), number)
  return number
}

/** A GPU is one program's at a time. A note that nobody has touched for two seconds is of one that was killed. */
let held
function hold(file, number) {
  const age = fs.existsSync(file) ? Date.now() - fs.statSync(file).mtimeMs : Infinity
  if (age < 2000) end(1, `device ${number} is another program's`)
  fs.writeFileSync(file, '')
  held = file
  process.on('exit', () => fs.rmSync(file, { force: true }))
}

function train({ k, scale }, frozen, args) {
  const o = options(args)
  if ((o.scale ?? 'cpu') !== scale) end(2, `--scale ${o.scale}: built for the scale ${scale}`)
  const on = device(k, o)
  const manifest = manifestOf(o.data)
  const fault = k.FAULT
  const preflight = o['max-steps'] !== undefined
  const steps = 100
  const upTo = Math.min(steps, Number(o['max-steps'] ?? steps))
  if (o.describe) {
    process.stdout.write(
      `${JSON.stringify({ backend: on === undefined ? 'cpu' : 'cuda', scale, steps, paramsM: 0.5, frozen, manifest })}\n`,
    )
    return
  }
  if (fault === 'refuse') end(5, 'refused: the graph is not causal at node 7')
  if (
    fault === 'secrets' &&
    Object.entries(process.env).some(([n, v]) => /KEY|TOKEN|SECRET|PASS/i.test(n) || /sk-|nats:\/\//.test(v))
  )
    end(1, 'a secret in the environment')
  if (fault === 'preflight' && preflight) end(1, 'internal failure: out of luck')
  fs.mkdirSync(o.out, { recursive: true })
  if (!preflight) {
    if (fault === 'stubborn') {
      process.on('SIGTERM', () => {})
      const child = spawn(
        'setsid',
        ['sh', '-c', `trap '' TERM HUP INT; echo $$ > ${o.out}/../stubborn.pid; while :; do sleep 0.2; done`],
        { detached: true, stdio: 'ignore' },
      )
      child.unref()
    }
    if (fault === 'hang' || fault === 'stubborn') return setInterval(() => process.stdout.write('still here\n'), 100)
  }
  const began = Date.now()
  for (let step = 1; step <= upTo; step++) {
    wait(Number(k.SECONDS) / steps)
    if (held !== undefined) fs.utimesSync(held, new Date(), new Date())
    if (step % 20 === 0 || step === upTo) {
      if (o.json)
        fs.writeSync(
          1,
          `${JSON.stringify({ step, steps, loss: 3 + 2 / step, progress: step / steps, tokens: step * 1000, seconds: (Date.now() - began) / 1000 })}\n`,
        )
      else fs.writeSync(1, `step ${step}/${steps} loss ${(3 + 2 / step).toFixed(4)}\n`)
    }
    if (step === 50 && (fault === 'diverge' || Number(k.MUON_LR) > 0.3)) end(3, 'diverged: the loss is nan at step 50')
    if (step === 50 && fault === 'crash') process.kill(process.pid, 'SIGSEGV')
  }
  const partial = upTo < steps
  const seed = fault === 'reseed' && !preflight ? Number(o.seed) + 1 : Number(o.seed)
  const checkpoint = JSON.stringify({
    k,
    seed,
    steps: upTo,
    partial,
    budget: o.budget,
    manifest,
    frozen: fault === 'forge' ? '0'.repeat(64) : frozen,
  })
  fs.writeFileSync(path.join(o.out, 'checkpoint.bin'), checkpoint)
  const seconds = (Date.now() - began) / 1000
  const report = path.join(o.out, 'report.json')
  const facts = {
    version: 1,
    seed: Number(o.seed),
    budget: o.budget,
    steps: upTo,
    tokens: upTo * 1000,
    progress: upTo / steps,
    partial,
    trainLoss: 3.02,
    trainingSeconds: seconds,
    totalSeconds: seconds + 0.01,
    workSeconds: 0.1 * upTo,
    cpuSeconds: seconds,
    peakBytes: 1e6,
    paramsM: 0.5,
    depth: Number(k.DEPTH),
    flopsPerToken: 1e6,
    tokensPerStep: 1000,
    mfuPercent: 1.5,
    frozen,
    manifest,
    checkpointSha256: sha256(checkpoint),
    isa: 'fake',
    ...(scale === 'cpu' ? {} : { scale }),
    ...(on === undefined ? {} : { backend: 'cuda', device: `gpu ${on}` }),
    workers: Number(o.workers ?? 1),
    customOps: k.FAULT === 'own-op' ? ['own'] : [],
    lossCurve: [
      [1, 5],
      [upTo, 3.02],
    ],
  }
  if (fault === 'symlink') {
    fs.writeFileSync(`${report}.real`, JSON.stringify(facts))
    fs.symlinkSync(`${report}.real`, report)
    return
  }
  fs.writeFileSync(report, JSON.stringify(fault === 'huge' ? { ...facts, lossCurve: 'x'.repeat(5e6) } : facts))
  if (fault === 'linger') setInterval(() => {}, 1_000)
}

function judge(frozen, args) {
  const o = options(args)
  const began = Date.now()
  const bytes = fs.readFileSync(o.checkpoint)
  const c = JSON.parse(bytes.toString())
  device(c.k, o)
  if (c.frozen !== frozen) end(6, 'the checkpoint was compiled from a changed harness')
  if (c.manifest !== manifestOf(o.data)) end(6, 'the checkpoint was trained on other data')
  if (c.partial) end(6, 'the checkpoint is of a run that was cut short')
  if (c.k.FAULT === 'nan') end(6, 'the logits are not finite')
  if (c.k.FAULT === 'own-op' && !fs.existsSync(o['own-code'] ?? ''))
    end(6, 'nothing can be scored without running that code')
  const split = o.split ?? 'val'
  if (!fs.existsSync(path.join(o.data, `${split}.bin`))) end(4, `the data set has no ${split}.bin`)
  // A network that has seen the first held-out text, and only that one; and one that is better on any.
  const gift = c.k.FAULT === 'insight' ? 0.1 : c.k.FAULT === 'memorised' && split === 'val' ? 0.5 : 0
  const valBpb = score(c.k, c.seed) - gift
  const out = {
    version: 1,
    valBpb,
    valLoss: valBpb * Math.LN2 * 2.5,
    tokens: 65536,
    bytes: 160000,
    seconds: (Date.now() - began) / 1000,
    frozen,
    manifest: c.manifest,
    checkpointSha256: sha256(bytes),
    seed: c.seed,
    steps: c.steps,
    budget: c.budget,
    split,
    // As the frozen judge: without somebody to ask there is no score.
    trust: c.k.FAULT === 'own-op' ? 'probed' : 'proved',
    customOps: c.k.FAULT === 'own-op' ? ['own'] : [],
  }
  fs.writeFileSync(o.out, `${JSON.stringify(out)}\n`)
}

/** Writes a program: this very file, told by its first line what it is. */
function write(out, made) {
  fs.mkdirSync(path.dirname(out), { recursive: true })
  const head = `#!/usr/bin/env node\nglobalThis.MADE = ${JSON.stringify(made)}\n`
  fs.writeFileSync(`${out}.new`, head + fs.readFileSync(__filename, 'utf8'), { mode: 0o755 })
  fs.renameSync(`${out}.new`, out)
}

function make([verb, out, frozenFile, experiment, scale = 'cpu']) {
  const frozen = fs.readFileSync(frozenFile, 'utf8').trim()
  if (verb === 'make-judge') return write(out, { judge: true, frozen })
  const k = constants(fs.readFileSync(experiment, 'utf8'), scale)
  if (k.FAULT === 'build' || Object.keys(OPTIMUM).some((n) => !(Number(k[n]) > 0)))
    end(1, `${experiment}:1:1: error: expected ';' before 'constexpr'`)
  write(out, { k, scale, frozen })
}

const made = globalThis.MADE
const args = process.argv.slice(2)
if (made === undefined) make(args)
else if (made.judge) judge(made.frozen, args)
else train(made, made.frozen, args)
