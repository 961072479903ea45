#!/usr/bin/env node
// Makes a fresh checkout ready and goes on: node scripts/setup.mjs [--then up|test|check|bench ARGS…]
// Says one line a step on stderr; with nothing to do it takes a fraction of a second and says nothing.
import { spawn } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { constants } from 'node:os'
import { alone } from './alone.mjs'
import { root, SetUpFailed, stepsFor } from './steps.mjs'
import { commandFor } from './then.mjs'

const say = (line) => process.stderr.write(`set-up: ${line}\n`)

/** The steps that are to be done. */
async function open(steps) {
  const left = []
  for (const step of steps) {
    // What comes after packages may need packages to look: then it is left for the second look.
    if (left.length > 0 || !(await step.done())) left.push(step)
  }
  return left
}

async function setUp(next, args) {
  const started = performance.now()
  const steps = stepsFor(next, args)
  if ((await open(steps)).length === 0) return false
  const release = await alone(root, () => say('another set-up of this checkout is at work; waiting for it'))
  try {
    for (const step of steps) {
      if (await step.done()) continue
      const began = performance.now()
      say(`${step.name} …`)
      await step.do((line) => say(`  ${line}`))
      say(`${step.name} ready (${((performance.now() - began) / 1000).toFixed(1)} s)`)
    }
  } finally {
    await release()
  }
  say(`done in ${((performance.now() - started) / 1000).toFixed(1)} s`)
  return true
}

function hasTerminal() {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}

/** Gives the terminal to the next command; its exit code is ours. */
function goOn({ file, args, cwd }) {
  const child = spawn(file, args, { cwd, stdio: 'inherit' })
  // Ctrl-C on a terminal reaches the child from the terminal itself. npm passes it on to us as well: once is enough.
  const passed = new Set()
  process.on('SIGINT', () => {
    if (hasTerminal() || passed.has('SIGINT')) return
    passed.add('SIGINT')
    setTimeout(() => passed.delete('SIGINT'), 1_000).unref()
    child.kill('SIGINT')
  })
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    say(`${file} could not be started: ${error.message}`)
    process.exit(1)
  })
  child.on('close', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 0)))
}

const [flag, next, ...args] = process.argv.slice(2)
if (flag !== undefined && (flag !== '--then' || !['up', 'test', 'check', 'bench'].includes(next))) {
  say('usage: node scripts/setup.mjs [--then up|test|check|bench ARGS…]')
  process.exit(2)
}
try {
  const worked = await setUp(next, args)
  if (next === undefined && !worked) say('nothing to do')
} catch (error) {
  if (!(error instanceof SetUpFailed) && !['NoServer'].includes(error.name)) throw error
  say(`stopped:\n${error.message}`)
  process.exit(1)
}
if (next !== undefined) goOn(commandFor(next, args))
