// What a screen or a stream of lines is told when it opens.
export interface ShowOptions {
  /** Facts from this moment on are told, older ones only folded; ms since 1970. */
  since: number
  /** Where the swarm is kept or reached, for the header. */
  place: string
  /** Only what this agent did. */
  ofAgent?: string
}

export interface ScreenOptions extends ShowOptions {
  ascii: boolean
  /** What `q` does: `stop the swarm` or `leave`. */
  quitWords: string
  quit(): void
}
