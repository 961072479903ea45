// The closing block of karpathy/autoresearch, name for name, so that its greps work here; what it does not know stands above the line.
export interface TrainFacts {
  report: {
    checkpointSha256: string
    trainingSeconds: number
    workSeconds: number
    peakBytes: number
    mfuPercent: number
    tokens: number
    steps: number
    paramsM: number
    depth: number
    isa: string
    sandbox: string
    scale: string
    device?: string | undefined
    seed: number
    budget: string
  }
  judged: { valBpb: number; seconds: number; trust: 'proved' | 'probed' }
  built: { seconds: number; cached: boolean }
  firstStepSeconds: number | undefined
  totalSeconds: number
}

export function closingBlock({ report: r, judged, built, firstStepSeconds, totalSeconds }: TrainFacts): string[] {
  const line = (name: string, value: string): string => `${`${name}:`.padEnd(18)}${value}`
  return [
    line('seed', String(r.seed)),
    line('budget', r.budget),
    line('build_seconds', `${built.seconds.toFixed(1)}${built.cached ? ' (cache)' : ''}`),
    line('first_step_after', firstStepSeconds?.toFixed(1) ?? '-'),
    line('eval_seconds', judged.seconds.toFixed(1)),
    line('work_seconds', r.workSeconds.toFixed(1)),
    line('scale', r.scale),
    line('isa', r.isa),
    ...(r.device === undefined ? [] : [line('device', r.device)]),
    line('sandbox', r.sandbox),
    line('trust', judged.trust),
    line('checkpoint', r.checkpointSha256),
    ...(r.device === undefined
      ? [
          '(on a CPU peak_vram_mb is the peak of the arena in main memory, and mfu_percent is of 100 GF/s a worker, the reference',
          ' core of work budgets: a faster core passes 100)',
        ]
      : []),
    '---',
    line('val_bpb', judged.valBpb.toFixed(6)),
    line('training_seconds', r.trainingSeconds.toFixed(1)),
    line('total_seconds', totalSeconds.toFixed(1)),
    line('peak_vram_mb', (r.peakBytes / 1024 / 1024).toFixed(1)),
    line('mfu_percent', r.mfuPercent.toFixed(2)),
    line('total_tokens_M', (r.tokens / 1e6).toFixed(1)),
    line('num_steps', String(r.steps)),
    line('num_params_M', r.paramsM.toFixed(1)),
    line('depth', String(r.depth)),
  ]
}
