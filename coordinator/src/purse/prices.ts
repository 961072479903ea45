// What tokens cost: a table with a date, USD per million tokens by class and model. What it does not name has no price, and no price is never 0.
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import type { Call, Usage } from '@swarm/shared/call'
import { checkoutDir } from '../home.ts'

const usd = z.number().nonnegative()

export const Price = z.strictObject({
  input: usd,
  cacheRead: usd,
  /** Written to a cache for minutes, and for an hour; absent where the provider bills them as input. */
  cacheWrite: usd.optional(),
  cacheWriteLong: usd.optional(),
  output: usd,
  /** It holds for prompts up to this many tokens; beyond it nobody knows. */
  longest: z.number().int().positive().optional(),
})
export type Price = z.infer<typeof Price>

export const Prices = z.strictObject({
  date: z.iso.date(),
  comment: z.string().optional(),
  sources: z.record(z.string(), z.string()).optional(),
  /** Providers that charge what another one charges: the command lines of its models. */
  alike: z.record(z.string(), z.string()).optional(),
  /** By provider, then by model; `*` is every other model of that provider. */
  models: z.record(z.string(), z.record(z.string(), Price)),
})
export type Prices = z.infer<typeof Prices>

/** The table of prices cannot be read; the message names the file and the place. */
export class PricesInvalid extends Error {
  override name = 'PricesInvalid'
}

export const pricesFile = (): string => path.join(checkoutDir(), 'coordinator', 'prices.json')

export function readPrices(file = pricesFile()): Prices {
  let body: unknown
  try {
    body = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw new PricesInvalid(`${file} is no table of prices: ${(cause as Error).message}`, { cause })
  }
  const parsed = Prices.safeParse(body)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new PricesInvalid(`${file}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}`)
}

/** A version of a model with its date costs what the model costs: claude-opus-5-20260801, gpt-6-sol-2026-09-22. */
const undated = (model: string): string => model.replace(/-(\d{8}|\d{4}-\d{2}-\d{2})$/, '')

export function priceOf(prices: Prices, provider: string, model: string): Price | undefined {
  const own = (table: Record<string, Price> | undefined, name: string): Price | undefined =>
    table !== undefined && Object.hasOwn(table, name) ? table[name] : undefined
  for (const name of [provider, prices.alike?.[provider]]) {
    if (name === undefined) continue
    const table = Object.hasOwn(prices.models, name) ? prices.models[name] : undefined
    const found = own(table, model) ?? own(table, undated(model)) ?? own(table, '*')
    if (found !== undefined) return found
  }
  return undefined
}

/** USD of what was used; reasoning is part of the output. Undefined when the price is not known for a prompt of this length. */
export function costOf(price: Price | undefined, u: Usage): number | undefined {
  const prompt = u.input + u.cacheRead + u.cacheWrite + u.cacheWriteLong
  if (price === undefined || prompt > (price.longest ?? Infinity)) return undefined
  const write = price.cacheWrite ?? price.input
  return (
    (u.input * price.input +
      u.cacheRead * price.cacheRead +
      u.cacheWrite * write +
      u.cacheWriteLong * (price.cacheWriteLong ?? write) +
      u.output * price.output) /
    1e6
  )
}

/** The most a call can cost, USD: every token of the prompt in the dearest class. A ceiling in money that the call keeps by itself counts too. */
export function mostOf(price: Price | undefined, { input, output, usd: ceiling }: Call['upTo']): number | undefined {
  if (price === undefined || input > (price.longest ?? Infinity)) return ceiling
  const dearest = Math.max(price.input, price.cacheRead, price.cacheWrite ?? 0, price.cacheWriteLong ?? 0)
  return Math.min((input * dearest + output * price.output) / 1e6, ceiling ?? Infinity)
}
