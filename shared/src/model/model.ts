// A model, whoever provides it: one turn of a conversation at a time, every request of it paid through the purse.
import type { z } from 'zod'
import type { CallRole, Usage } from '../call.ts'

/** What the asking is for: goes onto the reservation. */
export interface Purpose {
  /** The agent that asks, or `director`. */
  by: string
  role: CallRole
  hypothesis?: { id: string; title: string }
  experiment?: string
}

/**
 * Something a model may do. `input` is an object schema in which every property is required, and what may be missing is `.nullable()`:
 * one of the providers takes no other. `run` gives the text the model sees; what it throws goes back to the model as a failed use.
 */
export interface Tool {
  name: string
  description: string
  input: z.ZodObject
  run(input: Record<string, unknown>, signal: AbortSignal): Promise<string>
}

/** A tool whose `run` gets what its schema says. */
export function tool<S extends z.ZodObject>(made: {
  name: string
  description: string
  input: S
  run(input: z.infer<S>, signal: AbortSignal): Promise<string>
}): Tool {
  return made as unknown as Tool
}

export interface ToolUse {
  id: string
  name: string
  input: unknown
}

export type Message =
  | { from: 'user'; text: string }
  | { from: 'model'; turn: Turn }
  | { from: 'tools'; results: { id: string; text: string; failed: boolean }[] }

export interface Request {
  purpose: Purpose
  /** The same for many requests and first in them all, so that providers can cache it. */
  system: string
  messages: readonly Message[]
  tools?: readonly Tool[]
  /** The answer must be JSON of this shape. The same rule as for tools: every property required, `.nullable()` where it may be missing. */
  answer?: { name: string; schema: z.ZodObject }
  maxTokens: number
}

/**
 * Why a model stopped. end: it said all · tools: it waits for its uses · max-tokens: cut at `maxTokens` · stop-sequence ·
 * refusal: it will not · paused: to be sent on as it is · context-full: the conversation no longer fits.
 */
export type Stop = 'end' | 'tools' | 'max-tokens' | 'stop-sequence' | 'refusal' | 'paused' | 'context-full'

export interface Turn {
  stop: Stop
  text: string
  uses: ToolUse[]
  usage: Usage
  /** What the provider wants to get back of this turn in the next request; its own affair. */
  raw?: unknown
}

/**
 * No turn. cap: the purse grants nothing more · exhausted: the provider takes no more until a person has done something ·
 * unavailable: all tries failed · invalid: the provider does not take this request · aborted: we stopped it.
 */
export interface NoTurn {
  none: 'cap' | 'exhausted' | 'unavailable' | 'invalid' | 'aborted'
  /** One sentence, for people. */
  why: string
  /** The cap that is reached, when one is. */
  cap?: string
}

export const isTurn = (made: Turn | NoTurn): made is Turn => 'stop' in made

export interface Model {
  /** anthropic, openai, scripted: what prices and limits belong to. */
  readonly provider: string
  readonly name: string
  /** Never rejects for what a provider, a network or the purse did: that is a NoTurn. */
  turn(request: Request, signal: AbortSignal): Promise<Turn | NoTurn>
}
