// One fact, one line: place, time, type, and what a person wants to know of it.
import { tokensOf } from '@swarm/shared/call'
import type { Event, Fact } from '@swarm/shared/event'
import { spent } from '@swarm/shared/result'
import { bpb, money, plainText, signed } from './words.ts'

export function factLine({ seq, fact }: Event): string {
  return `${String(seq).padStart(6)}  ${fact.at}  ${fact.type.padEnd(19)}  ${plainText(gist(fact))}`
}

/** What happened, in words, without place and time. */
export function gist(fact: Fact): string {
  switch (fact.type) {
    case 'swarm-started':
      return `run ${fact.run}, seed ${fact.seed}, ${fact.agents} agents${fact.experiments === undefined ? '' : `, ${fact.experiments} experiments wanted`}`
    case 'swarm-stopped':
      return `run ${fact.run}: ${fact.reason}`
    case 'program-adopted':
      return `${fact.program.task}, ${fact.budget}, track ${fact.track.slice(0, 12)}, data ${fact.manifest.slice(0, 12)}, trainer ${fact.frozen.slice(0, 12)}`
    case 'agent-joined':
      return `${fact.agent} (session ${fact.session}) on ${fact.machine.host}, ${fact.lane.kind} ${fact.lane.gpu ?? fact.lane.cores.join(',')}`
    case 'agent-left':
      return `${fact.agent} (session ${fact.session}): ${fact.reason}`
    case 'hypothesis-proposed':
      return `${fact.hypothesis.id} by ${fact.hypothesis.by ?? fact.hypothesis.origin}: ${fact.hypothesis.title}`
    case 'experiment-planned': {
      const e = fact.experiment
      return `${e.id} ${e.kind} ${e.hypothesis?.id ?? ''} seed ${e.seed} on ${e.base.slice(0, 12)}${fact.agent === undefined ? '' : `, for ${fact.agent}`}`
    }
    case 'experiment-recorded': {
      const r = fact.result
      return `${r.experiment} ${r.kind} ${r.outcome} ${r.measurement === undefined ? (r.cause ?? '') : `val_bpb ${bpb(r.measurement.valBpb)}`} seed ${r.seed} by ${r.agent} in ${spent(r.cost).toFixed(1)} s`
    }
    case 'finding-published':
      return `${fact.finding.hypothesis} ${fact.finding.verdict}, gain ${signed(fact.finding.gain)}: ${fact.finding.lesson}`
    case 'best-moved':
      return `#${fact.best.n} val_bpb ${bpb(fact.best.valBpb)} ${fact.best.commit.slice(0, 12)} seeds ${fact.best.seeds.join(' ')} ${fact.best.title ?? ''}`
    case 'call-reserved':
      return `${fact.call.id} ${fact.call.by} asks ${fact.call.provider} ${fact.call.model} (${fact.call.role}), at most ${money(fact.upToUsd)}`
    case 'call-settled':
      return `${fact.end.id} ${fact.end.how}, ${tokensOf(fact.end.usage)} tokens, ${money(fact.usd)}`
    case 'cap-reached':
      return `run ${fact.run}: ${fact.why}; what runs is finished and judged, nothing new is begun`
    case 'hypothesis-vetoed':
      return `${fact.hypothesis} by ${fact.by}${fact.reason === undefined ? '' : `: ${fact.reason}`}`
    case 'focus-set':
      return `${fact.area ?? 'anything'} by ${fact.by}`
    case 'agent-paused':
      return `${fact.agent} ${fact.paused ? 'pauses' : 'goes on'}, says ${fact.by}`
  }
}
