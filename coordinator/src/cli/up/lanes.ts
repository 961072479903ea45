// Cores dealt out to agents: each its own share, in order; with more agents than cores they take turns.
export function dealCores(cores: readonly number[], agents: number): number[][] {
  return Array.from({ length: agents }, (_, i) => {
    if (agents > cores.length) return [cores[i % cores.length] as number]
    return cores.slice(Math.floor((i * cores.length) / agents), Math.floor(((i + 1) * cores.length) / agents))
  })
}
