// Answers to what agents and people ask. A refusal is a value with a sentence; a question that needs the board waits for its turn.
import type { Subscription } from '@nats-io/nats-core'
import type { KnobEdit } from '@swarm/shared/hypothesis'
import { guardDiff } from '@swarm/shared/guard'
import { setKnobs } from '@swarm/shared/knobs'
import type { AskReply, AskRequest } from '@swarm/shared/subjects'
import type { Coordinator } from './coordinator.ts'
import { nextHypothesisId } from './decide/situation.ts'
import { currentBest, worth } from './board/value.ts'
import type { Ground } from './ground.ts'
import { hasCommit, sourceAt } from './hub.ts'
import { putBundle } from './promotion.ts'
import { openLine } from './work.ts'

export function answerAll(c: Coordinator, ground: Ground): Subscription[] {
  const { bus } = c
  return [
    bus.answer('join', (request) => c.turn(() => join(c, ground, request))),
    bus.answer('leave', (request) =>
      c.turn(async () => {
        await c.left(request.agent, request.session, request.reason)
        return { ok: true as const }
      }),
    ),
    bus.answer('bundle', async ({ commit }) =>
      (await hasCommit(c.hub, commit))
        ? { object: await putBundle(bus, c.hub, commit) }
        : { refused: `the hub has no commit ${commit.slice(0, 10)}` },
    ),
    bus.answer('duplicate', (request) => c.turn(async () => duplicate(c, request))),
    bus.answer('suggest', (request) => c.turn(() => suggest(c, request))),
    // In turn, so that what follows from every recorded result is out when the answer comes.
    bus.answer('ping', () => c.turn(async () => ({ run: c.run.run, seq: c.board.seq, pid: process.pid }))),
  ]
}

async function join(c: Coordinator, ground: Ground, request: AskRequest<'join'>): Promise<AskReply<'join'>> {
  const { program, budget, track, manifest, frozen } = c.program
  if (c.finished !== undefined) return { refused: `this run is over: ${c.finished.reason}` }
  if (request.frozen !== frozen)
    return {
      refused: `your trainer's frozen sources (${request.frozen.slice(0, 10)}) are not this swarm's (${frozen.slice(0, 10)}). Check out the same commit and build again: make -C trainer-native`,
    }
  const here = c.roster.present()
  const before = request.name === undefined ? undefined : here.find((a) => a.agent === request.name)
  if (before !== undefined && before.machine.host !== request.machine.host)
    return {
      refused: `an agent named ${before.agent} is here already, on ${before.machine.host}. Join with another name: --name NAME, or none at all`,
    }
  if (before !== undefined) await c.left(before.agent, before.session, 'joined again')
  const agent = request.name ?? c.roster.freeName()
  const session = c.roster.sessions(agent) + 1
  await openLine(c.bus, agent)
  const { lane, machine, researcher } = request
  await c.write({
    type: 'agent-joined',
    agent,
    session,
    lane,
    machine,
    ...(researcher === undefined ? {} : { researcher }),
  })
  c.roster.joined(agent, session)
  // More lanes than were asked for: the queue has to be deeper.
  await c.settle(c.roster.names().length > c.agents)
  const best = currentBest(c.board)?.best.commit as string
  await putBundle(c.bus, c.hub, best)
  return { agent, session, program, budget, track, manifest, dataFiles: ground.dataFiles, best, seed: c.run.seed }
}

function duplicate(c: Coordinator, request: AskRequest<'duplicate'>): AskReply<'duplicate'> {
  const plan = c.board.experiments.get(request.experiment)?.experiment
  if (plan === undefined) return {}
  const score = worth(c.board)?.scores.of(request.tree, plan.seed)
  return score === undefined || score.experiment === plan.id ? {} : { duplicateOf: score.experiment }
}

async function suggest(
  c: Coordinator,
  { title, edits, diff, by }: AskRequest<'suggest'>,
): Promise<AskReply<'suggest'>> {
  const best = currentBest(c.board)?.best.commit as string
  const { editable } = c.program.program
  const refused = knobsRefused(await sourceAt(c.hub, best, editable), edits)
  if (refused !== undefined) return { refused }
  if (diff !== undefined) {
    const guarded = await guardDiff(c.hub, best, diff, editable)
    if ('refused' in guarded) return { refused: `${guarded.refused}. Write it on the best of now: swarm best` }
    if (guarded.diff === '') return { refused: 'the diff changes nothing' }
    diff = guarded.diff
  }
  const hypothesis = nextHypothesisId(c.board)
  const sentence = title.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').trim() || 'A suggestion without words'
  await c.write({
    type: 'hypothesis-proposed',
    hypothesis: {
      id: hypothesis,
      title: sentence,
      origin: 'human',
      edits,
      by,
      ...(diff === undefined ? {} : { diff }),
    },
  })
  await c.settle(false)
  return { hypothesis }
}

function knobsRefused(source: string, edits: readonly KnobEdit[]): string | undefined {
  const set = setKnobs(source, edits)
  if ('refused' in set) return set.refused
  return edits.length > 0 && set.source === source ? 'the best has these values already' : undefined
}
