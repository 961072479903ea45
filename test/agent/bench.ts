// A workbench without a hub: worktrees of a checkout with the fake trainer, straight from a bundle.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { compilerVersion, type Workshop } from '@swarm/agent/workshop'
import { Worktrees } from '@swarm/agent/worktree'
import { git } from '@swarm/shared/git'
import { type Checkout, makeCheckout } from '../support/checkout.ts'

export const EDITABLE = 'trainer-native/experiment/'

export interface Bench {
  dir: string
  checkout: Checkout
  worktrees: Worktrees
  workshop: Workshop
  close(): void
}

export async function openBench(options: { seconds?: number } = {}): Promise<Bench> {
  const dir = mkdtempSync(join(tmpdir(), 'swarm-bench-'))
  const checkout = await makeCheckout(dir, options)
  const bundle = async (commit: string): Promise<Uint8Array> => {
    const file = join(dir, 'base.bundle')
    await git(checkout.dir, ['update-ref', 'refs/heads/best', commit])
    await git(checkout.dir, ['bundle', 'create', '-q', file, 'best'])
    return readFileSync(file)
  }
  const workshop = {
    trainer: join(checkout.dir, 'trainer-native'),
    cache: join(dir, 'cache'),
    frozen: checkout.frozen,
    compiler: await compilerVersion(),
    env: {},
    prefix: [],
  }
  const close = (): void => rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  return { dir, checkout, worktrees: new Worktrees(join(dir, 'worktrees'), bundle), workshop, close }
}
