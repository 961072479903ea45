// A child's process group; apart from exec.ts, so that who only ends processes does not load what starts them.

export function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    /* the group is already gone */
  }
}
