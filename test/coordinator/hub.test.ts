// The hub with real git: the best branch, its commits and trailers, and that nothing of the person's checkout is ever touched.
import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { bringHome, commitDiff, type Confirmed, moveBest } from '@swarm/coordinator/best'
import { BEST_REF, bundleOf, CheckoutUnusable, ensureHub, sourceAt } from '@swarm/coordinator/hub'
import { run } from '@swarm/shared/exec'
import { git } from '@swarm/shared/git'
import { type Checkout, commitAll, makeCheckout, RECIPE, recipeDiff } from '../support/checkout.ts'

const EDITABLE = 'trainer-native/experiment/'
let dir: string
let checkout: Checkout
before(async () => {
  dir = mkdtempSync(join(tmpdir(), 'swarm-hub-'))
  checkout = await makeCheckout(dir)
})
after(() => rmSync(dir, { recursive: true, force: true }))

const newHome = (): string => mkdtempSync(join(dir, 'home-'))
async function confirmed(more: Partial<Confirmed> = {}): Promise<Confirmed> {
  const diff = await recipeDiff(checkout, 'MUON_LR = 0.08f', 'MUON_LR = 0.04f')
  return {
    base: checkout.head,
    diff,
    title: 'Lower MUON_LR from 0.08 to 0.04',
    hypothesis: 'h0007',
    agent: 'a2',
    valBpb: 1.4321987,
    seeds: [1, 4711],
    editable: EDITABLE,
    ...more,
  }
}

/** Everything git and the file system know of the checkout. */
async function state(): Promise<string> {
  const told = await run(
    'sh',
    [
      '-c',
      'git for-each-ref; git status --porcelain=v2 --branch; git worktree list; git config --list --local; git rev-parse HEAD; find . -path ./.git -prune -o -type f -newer .git/HEAD -print | sort | xargs sha256sum; git stash list',
    ],
    { cwd: checkout.dir },
  )
  assert.equal(told.code, 0, told.output)
  return told.stdout
}

test('the hub begins with the checkout’s HEAD and leaves the checkout as it was, also a dirty one', async () => {
  writeFileSync(join(checkout.dir, 'notes.txt'), 'mine, not committed')
  const before = await state()
  const hub = await ensureHub(newHome(), checkout.dir)
  assert.equal(await git(hub, ['rev-parse', BEST_REF]), checkout.head)
  assert.equal(await git(hub, ['for-each-ref', '--format=%(refname)']), BEST_REF)
  assert.match(await sourceAt(hub, checkout.head, EDITABLE), /MUON_LR = 0\.08f/)
  assert.equal(await state(), before)
})

test('a checkout without a commit cannot be a start; the message says what to type', async () => {
  const empty = mkdtempSync(join(dir, 'empty-'))
  await git(empty, ['init', '-q'])
  await assert.rejects(
    ensureHub(newHome(), empty),
    (e: Error) => e instanceof CheckoutUnusable && /git commit/.test(e.message),
  )
})

test('locks of a git that was killed in the middle are gone with the next start', async () => {
  const home = newHome()
  const hub = await ensureHub(home, checkout.dir)
  const { commit } = await commitDiff(hub, await confirmed())
  for (const lock of ['refs/heads/best.lock', 'packed-refs.lock', 'HEAD.lock']) writeFileSync(join(hub, lock), '')
  await assert.rejects(moveBest(hub, commit), /lock/)
  assert.equal(await ensureHub(home, checkout.dir), hub)
  await moveBest(hub, commit)
  assert.equal(await git(hub, ['rev-parse', BEST_REF]), commit)
})

test('a hub that was cut off while it was made is made again', async () => {
  const home = newHome()
  mkdirSync(join(home, 'hub.git.making', 'objects'), { recursive: true })
  const hub = await ensureHub(home, checkout.dir)
  assert.equal(await git(hub, ['rev-parse', BEST_REF]), checkout.head)
})

test('a confirmed diff is the same commit wherever and whenever it is made; trailers say where it is from; no ref moves', async () => {
  const [one, two] = [await ensureHub(newHome(), checkout.dir), await ensureHub(newHome(), checkout.dir)]
  const c = await confirmed()
  const first = await commitDiff(one, c)
  await new Promise((r) => setTimeout(r, 1100)) // a clock in the commit would show
  assert.deepEqual(await commitDiff(one, c), first)
  assert.deepEqual(await commitDiff(two, c), first)
  assert.equal(await git(one, ['rev-parse', BEST_REF]), checkout.head)
  const body = await git(one, ['show', '-s', '--format=%B', first.commit])
  assert.equal(
    body.trim(),
    [
      'Lower MUON_LR from 0.08 to 0.04',
      '',
      'Hypothesis: h0007',
      `Base: ${checkout.head}`,
      'Val-Bpb: 1.432199',
      'Agent: a2',
      'Seeds: 1, 4711',
    ].join('\n'),
  )
  assert.equal(
    (await git(one, ['show', '-s', '--format=%(trailers:key=Seeds,valueonly)', first.commit])).trim(),
    '1, 4711',
    'git itself reads them as trailers',
  )
  assert.equal(await git(one, ['diff', '--name-only', checkout.head, first.commit]), RECIPE)
  assert.equal(await git(one, ['rev-parse', `${first.commit}^`]), checkout.head)
})

test('a title with line breaks cannot forge trailers', async () => {
  const hub = await ensureHub(newHome(), checkout.dir)
  const { commit } = await commitDiff(hub, await confirmed({ title: 'Nice\n\nAgent: somebody\u0007 else' }))
  assert.equal((await git(hub, ['show', '-s', '--format=%(trailers:key=Agent,valueonly)', commit])).trim(), 'a2')
})

test('the branch moves to a commit that exists and to no other; moving it twice is moving it once', async () => {
  const hub = await ensureHub(newHome(), checkout.dir)
  const { commit } = await commitDiff(hub, await confirmed())
  await moveBest(hub, commit)
  await moveBest(hub, commit)
  assert.equal(await git(hub, ['rev-parse', BEST_REF]), commit)
  await assert.rejects(moveBest(hub, '1'.repeat(40)), /no such commit/)
  assert.equal(await git(hub, ['rev-parse', BEST_REF]), commit)
})

test('a diff that does not pass the guard is never committed, whoever calls it confirmed', async () => {
  const hub = await ensureHub(newHome(), checkout.dir)
  const diff = (await recipeDiff(checkout, 'ROWS = 16', 'ROWS = 8')).replaceAll(RECIPE, 'trainer-native/Makefile')
  await assert.rejects(commitDiff(hub, await confirmed({ diff })), /does not pass the guard/)
})

test('a bundle brings best to another machine without a path between them', async () => {
  const hub = await ensureHub(newHome(), checkout.dir)
  const { commit } = await commitDiff(hub, await confirmed())
  const file = join(dir, 'best.bundle')
  writeFileSync(file, await bundleOf(hub, commit))
  const there = join(dir, 'there')
  await git(dir, ['clone', '-q', '-b', 'best', file, there])
  assert.equal(await git(there, ['rev-parse', 'HEAD']), commit)
  assert.equal(await git(hub, ['rev-parse', BEST_REF]), checkout.head, 'the hub’s own branch stays')
})

test('swarm best brings home a branch of its own: HEAD, index, files and other branches stay', async () => {
  const home = newHome()
  const hub = await ensureHub(home, checkout.dir)
  const { commit } = await commitDiff(hub, await confirmed())
  await moveBest(hub, commit)
  appendFileSync(join(checkout.dir, 'notes.txt'), ' more')
  const before = await state()
  assert.deepEqual(await bringHome(home, checkout.dir), { commit, branch: 'swarm/best' })
  const after = await state()
  assert.equal(
    after
      .split('\n')
      .filter((l) => !l.includes('refs/heads/swarm/best'))
      .join('\n'),
    before,
  )
  assert.match(after, new RegExp(`${commit} commit\\trefs/heads/swarm/best`))
  assert.match(readFileSync(join(checkout.dir, RECIPE), 'utf8'), /MUON_LR = 0\.08f/)
  await git(checkout.dir, ['symbolic-ref', 'HEAD', 'refs/heads/swarm/best'])
  assert.match(JSON.stringify(await bringHome(home, checkout.dir)), /refused.*git switch/)
  await git(checkout.dir, ['symbolic-ref', 'HEAD', 'refs/heads/main'])
  assert.match(JSON.stringify(await bringHome(newHome(), checkout.dir)), /swarm up/)
})

test('a recipe that moved on in the checkout does not move the hub', async () => {
  const home = newHome()
  await ensureHub(home, checkout.dir)
  const later = await commitAll(checkout.dir, 'Later')
  assert.notEqual(await git(await ensureHub(home, checkout.dir), ['rev-parse', BEST_REF]), later)
})
