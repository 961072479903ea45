// The loop is one sentence: hypothesis → claim → worktree → diff → build → run → result → verify → finding → rebase.
// A hypothesis comes with its claim; a finding is the coordinator's answer to a result; a rebase is how a repeat is written.
// The next experiment is prepared while the current one trains, so that the lane never waits for thought; and where the budget is
// deterministic the judge works beside the next trainer, since nothing that takes time from it can change what comes out.
import { isDeterministic } from '@swarm/shared/track'
import type { Agent } from './agent.ts'
import { patiently } from './agent.ts'
import { type Attempt, begin, spend } from './attempt.ts'
import { author } from './author.ts'
import { build } from './build.ts'
import { claimNext } from './claim.ts'
import { takeDiff } from './diff.ts'
import { type Ending, isEnding } from './ending.ts'
import type { Claim } from './lease.ts'
import type { Kept } from './outbox.ts'
import { remember } from './held.ts'
import { learn } from './lesson.ts'
import { rebase } from './rebase.ts'
import { conclude } from './result.ts'
import { bellMs, type Pace, preflight, type Run, timeLimitMs, train } from './run.ts'
import type { Workbench } from './tools/desk.ts'
import type { Slot, Worktree } from './tree.ts'
import { verify } from './verify.ts'
import { Backoff, pause } from './waiting.ts'

/** How often an agent with nothing to do looks at the queue. */
const LOOK_MS = 400

/** An attempt whose trainer is built and has taken its first steps. */
interface Ready extends Attempt {
  binary: string
  pace: Pace
}

export async function loop(agent: Agent): Promise<void> {
  let ready = await prepare(agent, 'a')
  while (ready !== undefined) {
    const { trained, judged } = measure(agent, ready)
    // Whatever failed beside a run is told before the run's own result: so the order never depends on speed.
    const next = await forTheLane(agent, await prepare(agent, ready.slot === 'a' ? 'b' : 'a', trained), trained)
    agent.report(judged, ready.claim)
    if (!isDeterministic(ready.claim.experiment.budget)) await judged
    ready = next ?? (await prepare(agent, ready.slot))
    if (!agent.goesOn) break
  }
  ready?.claim.release(0)
  await agent.settled()
}

/** What is prepared waits for the lane; when the agent is paused meanwhile it is given back, for another to run. */
async function forTheLane(agent: Agent, ready: Ready | undefined, trained: Promise<void>): Promise<Ready | undefined> {
  if (ready === undefined) return trained.then(() => undefined)
  const { rest } = agent.has.membership
  let kept: Ready | undefined = ready
  const giveBack = (): void => {
    if (!rest.paused || kept === undefined) return
    kept.claim.release(0)
    kept = undefined
  }
  giveBack()
  const forget = rest.onChange(giveBack)
  await trained
  forget()
  return kept
}

/** Claims until an experiment is ready to train. Undefined when the agent leaves, or when nothing waits and the run beside has ended. */
async function prepare(agent: Agent, slot: Slot, beside?: Promise<unknown>): Promise<Ready | undefined> {
  let alone = beside === undefined
  const besideEnded = new AbortController()
  void beside?.then(() => {
    alone = true
    besideEnded.abort()
  })
  for (;;) {
    await agent.settled()
    const claim = agent.goesOn && !agent.paused ? await claimCalmly(agent) : undefined
    if (claim !== undefined) {
      const attempt = begin(claim, slot)
      const made = await agent.bear(claim, (signal) => makeReady(agent, attempt, signal))
      agent.has.pulse.beside(undefined)
      if (made === undefined) claim.release(500)
      else if (!isEnding(made) && agent.paused) claim.release(0)
      else if (!isEnding(made)) return made
      else agent.report(keep(agent, attempt, made), claim)
      continue
    }
    if (!agent.goesOn || (alone && beside !== undefined)) return undefined
    if (!agent.paused) agent.proposing.begin(agent.has, agent.has.leaving)
    await pause(LOOK_MS, AbortSignal.any([agent.has.leaving, besideEnded.signal]))
  }
}

async function claimCalmly(agent: Agent): Promise<Claim | undefined> {
  const { bus, leaving, lease, places, researcher } = agent.has
  const backoff = new Backoff(250, 5_000)
  while (agent.goesOn) {
    try {
      const claim = await claimNext(bus, agent.name, { reads: researcher.reads, lease })
      return claim === undefined ? undefined : remember(places.held, claim)
    } catch (error) {
      bus.log(`claim: ${(error as Error).message}`)
      await backoff.wait(leaving)
    }
  }
  return undefined
}

/** worktree → author or rebase → diff → build → first steps. */
async function makeReady(agent: Agent, attempt: Attempt, signal: AbortSignal): Promise<Ready | Ending> {
  const { bus, worktrees, researcher, workshop, pulse } = agent.has
  const { experiment } = attempt.claim
  const { program } = agent.has.membership.current
  const { editable } = program
  const phase = (now: 'worktree' | 'author' | 'rebase' | 'build' | 'preflight'): void =>
    pulse.beside({ experiment: experiment.id, phase: now })

  const data = await agent.has.data()
  const strange = agent.strangeTrack(experiment, data.manifest)
  if (strange !== undefined) return { outcome: 'infra-failed', cause: strange }

  phase('worktree')
  const tree = await worktrees.at(attempt.slot, experiment.base)

  const { hypothesis } = experiment
  if (experiment.kind !== 'baseline') {
    phase(experiment.diff === undefined ? 'author' : 'rebase')
    const written = await spend(attempt, 'author', async () => {
      if (experiment.diff !== undefined) return rebase(tree, experiment, program)
      if (hypothesis === undefined)
        return {
          outcome: 'infra-failed',
          cause: `${experiment.id} is a screen without a hypothesis; the plan is damaged`,
        } satisfies Ending
      const workbench = workbenchOf(agent, attempt, tree, data.dir)
      return author({ tree, hypothesis, experiment: experiment.id, program, workbench, researcher, signal })
    })
    if (isEnding(written)) return written

    const diff = await takeDiff(tree, editable)
    if (isEnding(diff)) return diff
    attempt.diff = diff.text
    if (experiment.kind === 'screen') {
      const { duplicateOf } = await patiently(signal, () =>
        bus.ask('duplicate', { experiment: experiment.id, tree: diff.folder, diff: diff.text }),
      )
      if (duplicateOf !== undefined)
        return { outcome: 'duplicate', cause: `the very same source was run with this seed as ${duplicateOf}` }
    }
  }

  phase('build')
  const binary = await spend(attempt, 'build', () => build({ tree, program, workshop, signal }))
  if (isEnding(binary)) return binary

  phase('preflight')
  const pace = await agent.alone(() =>
    spend(attempt, 'preflight', () => preflight(runOf(agent, attempt, binary, data.dir, 'preflight', signal))),
  )
  if (isEnding(pace)) return pace
  return { ...attempt, binary, pace }
}

/** Build and first steps, for the author to try what it wrote. */
function workbenchOf(agent: Agent, attempt: Attempt, tree: Worktree, data: string): Workbench {
  const { workshop, membership } = agent.has
  const { program } = membership.current
  return {
    build: (signal) => build({ tree, program, workshop, signal }),
    firstSteps: async (trainer, signal) => {
      const lines: string[] = []
      const see: Run['see'] = ({ step, loss }) => lines.push(`step ${step} loss ${loss ?? 'not a number'}`)
      const made = await agent.alone(() => preflight({ ...runOf(agent, attempt, trainer, data, 'try', signal), see }))
      return isEnding(made) ? { lines, ending: made } : { lines }
    },
  }
}

interface Measuring {
  /** The lane is free. */
  trained: Promise<void>
  /** Undefined when the agent leaves or lost the claim. */
  judged: Promise<Kept | undefined>
}

/** run → verify → result. Neither promise rejects. */
function measure(agent: Agent, ready: Ready): Measuring {
  const { claim } = ready
  const { experiment } = claim
  const { pulse, judge, workshop, onLane, walls, env, backend, membership } = agent.has
  const title = (experiment.hypothesis?.title ?? `baseline, seed ${experiment.seed}`).slice(0, 300)
  const trained = agent.bear(claim, async (signal) => {
    const data = await agent.has.data()
    const run = runOf(agent, ready, ready.binary, data.dir, 'train', signal)
    const see: Run['see'] = (progress) => pulse.training(experiment.id, title, progress)
    pulse.lane({ phase: 'train', experiment: experiment.id, title })
    const limit = timeLimitMs(experiment.budget, membership.current.program.timeoutFactor, ready.pace)
    return agent.alone(async () => {
      const held = await agent.gpuHeld(signal)
      if (held !== undefined) return held
      const bell = bellMs(experiment.budget, ready.pace)
      const early = await spend(ready, 'train', () => train({ ...run, see }, limit, bell))
      return early ?? { data, runDir: run.dir }
    })
  })
  const judged = trained.then(async (made) => {
    const ending =
      made === undefined || isEnding(made)
        ? made
        : await agent.bear<Ending>(claim, (signal) => {
            pulse.lane({ phase: 'judge', experiment: experiment.id, title, progress: 1 })
            const { frozen } = workshop
            const { seed, budget, split } = experiment
            const { scale } = membership.current.program
            const asked = { seed, budget, split, scale, backend, frozen, manifest: made.data.manifest }
            const judgeDir = agent.has.places.run(claim, 'judge')
            const { dir } = made.data
            const order = {
              judge,
              binary: ready.binary,
              data: dir,
              runDir: made.runDir,
              judgeDir,
              asked,
              prefix: onLane,
              env,
              walls,
              signal,
            }
            return agent.alone(() => spend(ready, 'judge', () => verify(order)))
          })
    pulse.over(experiment.id)
    if (ending !== undefined) return keep(agent, ready, ending)
    claim.release(500)
    return undefined
  })
  return { trained: trained.then(() => {}), judged }
}

function runOf(
  agent: Agent,
  { claim }: Attempt,
  binary: string,
  data: string,
  what: 'try' | 'preflight' | 'train',
  signal: AbortSignal,
): Run {
  const { onLane, jail, walls, places, env, workers, backend, membership } = agent.has
  const beside = what === 'train' ? [] : ['nice', '-n', '10']
  return {
    binary,
    data,
    signal,
    workers,
    env,
    backend,
    scale: membership.current.program.scale,
    seed: claim.experiment.seed,
    budget: claim.experiment.budget,
    dir: places.run(claim, what),
    prefix: [...beside, ...onLane, ...jail, ...walls.train],
    mark: `${agent.mark}-${what}`,
    see: () => {},
  }
}

/** The result is safe on disk before its author is asked what it learned, and again with the lesson; what the run left behind is gone. */
async function keep(agent: Agent, attempt: Attempt, ending: Ending): Promise<Kept> {
  const { outbox, places, membership, researcher, controls, bus, leaving } = agent.has
  const kept = conclude(attempt, agent.name, ending)
  await outbox.keep(kept)
  await places.clear(attempt.claim)
  const { experiment } = attempt.claim
  const { id, kind, hypothesis } = experiment
  const taught = await learn({
    ...ending,
    kind,
    hypothesis,
    experiment: id,
    diff: attempt.diff,
    program: membership.current.program,
    control: controls?.of(experiment),
    researcher,
    say: (line) => bus.log(line),
    signal: leaving,
  })
  if (taught === undefined) return kept
  const told = conclude(attempt, agent.name, ending, taught)
  await outbox.keep(told)
  return told
}
