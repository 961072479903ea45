// Promotion: the commit is made first, the fact names it, the branch follows the fact. A crash between any two is mended by doing it again.
import type { Finding } from '@swarm/shared/finding'
import { bundleObject } from '@swarm/shared/subjects'
import { GitFailed, git } from '@swarm/shared/git'
import type { Bus } from '@swarm/shared/bus'
import { commitDiff, type Confirmed, moveBest } from './best.ts'
import type { Board } from './board/schema.ts'
import { currentBest } from './board/value.ts'
import type { FactToWrite, Step } from './decide/situation.ts'
import { BEST_REF, bundleOf, CheckoutUnusable, editableTree, hasCommit } from './hub.ts'

type Promote = Extract<Step, { do: 'promote' }>

function confirmed(
  board: Board,
  finding: Finding,
  rest: Omit<Confirmed, 'base' | 'title' | 'hypothesis' | 'seeds' | 'editable'>,
): Confirmed {
  const editable = board.programs.get(board.programs.size)?.program.editable ?? ''
  return {
    base: finding.base,
    title: finding.title,
    hypothesis: finding.hypothesis,
    seeds: finding.pairs.map((p) => p.seed),
    editable,
    ...rest,
  }
}

/** Commits a confirmed diff and gives the fact that makes it the best. */
export async function promote(
  hub: string,
  board: Board,
  { finding, diff, agent, valBpb }: Promote,
): Promise<FactToWrite> {
  const before = currentBest(board)?.best
  if (before === undefined || before.commit !== finding.base)
    throw new GitFailed(`${finding.hypothesis} was confirmed on ${finding.base.slice(0, 10)}, which is not the best`)
  const { commit, tree } = await commitDiff(hub, confirmed(board, finding, { diff, agent, valBpb }))
  return {
    type: 'best-moved',
    previous: before.commit,
    best: {
      n: before.n + 1,
      commit,
      tree,
      valBpb,
      gain: finding.gain,
      hypothesis: finding.hypothesis,
      title: finding.title,
      agent,
      seeds: finding.pairs.map((p) => p.seed),
    },
  }
}

/** The recipe as it was shipped: best number 0. */
export async function shipped(hub: string, editable: string): Promise<FactToWrite> {
  const commit = await git(hub, ['rev-parse', BEST_REF])
  return { type: 'best-moved', best: { n: 0, commit, tree: await editableTree(hub, commit, editable), seeds: [] } }
}

/** Makes every best of the board exist in the hub again and puts the branch where the board says. */
export async function mendHub(hub: string, board: Board): Promise<void> {
  const bests = [...board.bests.values()].sort((a, b) => a.best.n - b.best.n)
  for (const { best } of bests) {
    if (await hasCommit(hub, best.commit)) continue
    const finding = [...board.findings.values()].find(
      ({ finding: f }) => f.hypothesis === best.hypothesis && f.verdict === 'confirmed',
    )?.finding
    const diff = board.experiments.get(finding?.pairs.at(-1)?.experiment ?? '')?.result?.diff
    if (finding === undefined || diff === undefined || best.valBpb === undefined)
      throw new CheckoutUnusable(
        `the hub has no commit ${best.commit.slice(0, 10)}, from which this swarm began. Start it from a checkout that has this commit`,
      )
    const { commit } = await commitDiff(
      hub,
      confirmed(board, finding, { diff, agent: best.agent ?? '', valBpb: best.valBpb }),
    )
    if (commit !== best.commit)
      throw new GitFailed(
        `best ${best.n} was ${best.commit.slice(0, 10)}, made again from the ledger it is ${commit.slice(0, 10)}`,
      )
  }
  const last = bests.at(-1)
  if (last !== undefined) await moveBest(hub, last.best.commit)
}

/** Makes sure a commit can be fetched from the object store. */
export async function putBundle(bus: Bus, hub: string, commit: string): Promise<string> {
  const name = bundleObject(commit)
  if (!(await bus.hasObject(name))) await bus.putObject(name, await bundleOf(hub, commit))
  return name
}
