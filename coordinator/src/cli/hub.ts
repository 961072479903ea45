// How a verb reaches a swarm: the one of a home, or any by its URL.
import type { Bus } from '@swarm/shared/bus'
import type { AskName, AskReply, AskRequest } from '@swarm/shared/subjects'
import { userInfo } from 'node:os'
import { EXIT, Failed } from './failure.ts'
import { running } from './record.ts'

/** URL with credentials. `what`: may it do everything, or what an onlooker may. */
export function hubUrl(home: string, as: 'swarm' | 'agent'): string {
  const held = running(home)
  if (held === undefined)
    throw new Failed(
      `no swarm is up in ${home}. Start it with "swarm up", or name another with --home or --url.`,
      EXIT.unreachable,
    )
  const url = as === 'swarm' ? held.url : held.agentUrl
  if (url === undefined)
    throw new Failed(
      `the swarm in ${home} is still starting (process ${held.pid}); try again in a moment.`,
      EXIT.unreachable,
    )
  return url
}

export async function openHub(url: string, verb: string, log?: (line: string) => void): Promise<Bus> {
  const { openBus } = await import('@swarm/shared/bus')
  return openBus({ url, name: `${verb}-${process.pid}`, patient: false, ...(log === undefined ? {} : { log }) })
}

/** For people: without user and password. */
export function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//')
}

/** Who types, as it stands in the ledger. */
export const person = (): string => userInfo().username.slice(0, 80) || 'a person'

/** One question to the coordinator of a home; what it refuses is a failure with its sentence. */
export async function ask<N extends AskName>(
  home: string,
  name: N,
  request: AskRequest<N>,
): Promise<Exclude<AskReply<N>, { refused: string }>> {
  const bus = await openHub(hubUrl(home, 'swarm'), name)
  try {
    const reply = await bus.ask(name, request)
    if ('refused' in reply) throw new Failed(`not taken: ${reply.refused}`)
    return reply as Exclude<AskReply<N>, { refused: string }>
  } finally {
    await bus.close()
  }
}
