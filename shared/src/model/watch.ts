// A stream that says nothing for too long is broken: SDKs wait for ever once the headers have come.
export interface Watch {
  /** Fires with the caller's own signal, or when nothing was heard for the whole span. */
  signal: AbortSignal
  heard(): void
  end(): void
}

export const SILENCE_MS = 180_000

export function watch(signal: AbortSignal, silenceMs = SILENCE_MS): Watch {
  const silent = new AbortController()
  const fire = (): void => silent.abort(new Error(`nothing heard for ${silenceMs / 1_000} s`))
  let timer = setTimeout(fire, silenceMs)
  return {
    signal: AbortSignal.any([signal, silent.signal]),
    heard: () => {
      clearTimeout(timer)
      timer = setTimeout(fire, silenceMs)
    },
    end: () => clearTimeout(timer),
  }
}
