// What models have cost in this run, folded from the facts of their calls.
import { tokensOf } from '@swarm/shared/call'
import type { FactOf } from '@swarm/shared/event'
import type { SpentRow } from './view.ts'
import { money } from './words.ts'

export class Spent {
  #row: SpentRow = { calls: 0, tokens: 0, usd: 0, unpriced: 0 }

  begin({ caps }: FactOf<'swarm-started'>): void {
    this.#row = { calls: 0, tokens: 0, usd: 0, unpriced: 0, ...(caps?.usd === undefined ? {} : { cap: caps.usd }) }
  }

  see({ end, usd }: FactOf<'call-settled'>): void {
    const { calls, tokens, usd: before, unpriced } = this.#row
    this.#row = {
      ...this.#row,
      calls: calls + 1,
      tokens: tokens + tokensOf(end.usage),
      usd: before + (usd ?? 0),
      unpriced: unpriced + (usd === undefined ? 1 : 0),
    }
  }

  /** Undefined while no model was asked. */
  row(): SpentRow | undefined {
    return this.#row.calls === 0 ? undefined : this.#row
  }
}

/** "$1.20 of $5.00", "$1.20 + price unknown for 3 calls", "price unknown". */
export function spentWords({ calls, usd, unpriced, cap }: SpentRow): string {
  const unknown =
    unpriced === 0 ? '' : unpriced === calls ? money(undefined) : `${money(undefined)} for ${unpriced} calls`
  const known = unpriced === calls ? '' : `${money(usd)}${cap === undefined ? '' : ` of ${money(cap)}`}`
  return [known, unknown].filter((words) => words !== '').join(' + ')
}
