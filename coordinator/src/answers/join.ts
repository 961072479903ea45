// An agent wants in: is its trainer this swarm's, is its name free. The reply is all it needs to work.
import { reads } from '@swarm/shared/researcher'
import type { AskReply, AskRequest } from '@swarm/shared/subjects'
import { isPaused } from '../board/steering.ts'
import { currentBest } from '../board/value.ts'
import type { Coordinator } from '../coordinator.ts'
import type { Ground } from '../ground.ts'
import { putBundle } from '../promotion.ts'
import { openLine } from '../work.ts'

export async function join(
  c: Coordinator,
  ground: Ground,
  request: AskRequest<'join'>,
  proposes: boolean,
): Promise<AskReply<'join'>> {
  const { program, budget, track, manifest, frozen } = c.program
  if (c.finished !== undefined) return { refused: `this run is over: ${c.finished.reason}` }
  if (c.run.reached !== undefined) return { refused: `this run is at its end: ${c.run.reached.why}` }
  if (request.frozen !== frozen)
    return {
      refused: `your trainer's frozen sources (${request.frozen.slice(0, 10)}) are not this swarm's (${frozen.slice(0, 10)}). Check out the same commit and build again: make -C trainer-native`,
    }
  const { gpu } = request.machine
  if (gpu !== ground.gpu)
    return {
      refused: `this swarm trains on ${ground.gpu ?? 'cores'}, and this agent has ${gpu ?? 'cores alone'}: their scores could not be compared`,
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
  return {
    agent,
    session,
    program,
    budget,
    track,
    manifest,
    dataFiles: ground.dataFiles,
    best,
    seed: c.run.seed,
    ...(isPaused(c.board, agent) ? { paused: true } : {}),
    ...(proposes && reads(researcher) ? { proposes } : {}),
  }
}
