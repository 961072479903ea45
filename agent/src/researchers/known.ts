// The researchers there are, by the name given to --researcher.
import type { Researcher } from './researcher.ts'
import { search } from './search.ts'

export const RESEARCHERS: Record<string, Researcher> = { search }
