import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { run, start } from '@swarm/shared/exec'

const alive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
async function gone(pid: number): Promise<boolean> {
  for (let i = 0; i < 40 && alive(pid); i++) await sleep(50)
  return !alive(pid)
}

test('a child sees no variable of ours but the few every program needs', async () => {
  process.env.SWARM_CANARY = 'sk-canary'
  const { stdout } = await run('env', [], { env: { MINE: '1' } })
  assert.match(stdout, /^MINE=1$/m)
  assert.doesNotMatch(stdout, /canary/i)
})

test('a time limit ends the whole group, a child that ignores SIGTERM included', async () => {
  const child = start('sh', ['-c', 'trap "" TERM; sleep 60 & echo $!; wait'], { keepOutput: false, timeoutMs: 400 })
  let grandchild = 0
  for await (const line of child.lines()) {
    grandchild ||= Number(line)
  }
  assert.equal((await child.ended).end.how, 'timeout')
  assert.ok(grandchild > 0 && (await gone(grandchild)), 'the grandchild is gone')
})

test('exit code, signal, abort and a missing program are told apart', async () => {
  assert.deepEqual((await run('sh', ['-c', 'exit 7'])).end, { how: 'exit', code: 7 })
  assert.deepEqual((await run('sh', ['-c', 'kill -SEGV $$'])).end, { how: 'signal', signal: 'SIGSEGV' })
  const stop = new AbortController()
  const child = start('sleep', ['60'], { signal: stop.signal })
  stop.abort()
  assert.equal((await child.ended).end.how, 'aborted')
  const missing = await start('no-such-program-here', []).ended
  assert.ok(missing.end.how === 'not-started' || (missing.end.how === 'exit' && missing.end.code !== 0))
})

test('lines arrive while the program runs', async () => {
  const child = start('sh', ['-c', 'for i in 1 2 3; do echo $i; sleep 0.1; done'], { keepOutput: false })
  const seen: string[] = []
  for await (const line of child.lines()) seen.push(line)
  assert.deepEqual(seen, ['1', '2', '3'])
})

test('children die when their parent is killed with SIGKILL', {
  skip: process.platform !== 'linux' && 'needs the Linux parent-death signal',
}, async () => {
  const parent = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      '--input-type=module',
      '-e',
      `import { start } from '@swarm/shared/exec'; const c = start('sleep', ['60']); console.log(c.pid); setTimeout(() => {}, 60000)`,
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const [chunk] = (await once(parent.stdout, 'data')) as [Buffer]
  const child = Number(chunk.toString())
  assert.ok(alive(child))
  parent.kill('SIGKILL')
  assert.ok(await gone(child), 'the child is gone')
})

test('many children are one listener: Node warns of more than ten', async () => {
  const before = process.listenerCount('exit')
  const children = Array.from({ length: 20 }, () => start('sleep', ['30']))
  assert.ok(process.listenerCount('exit') <= before + 1, `${process.listenerCount('exit')} listeners`)
  await Promise.all(children.map((child) => child.stop(0)))
})
