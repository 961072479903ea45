// A machine with a GPU, pretended: programs that say what the real ones would, so that every line of h200.sh runs in a test.
import fs from 'node:fs'
import path from 'node:path'

const steps = (tokens: number) =>
  Array.from({ length: 60 }, (_, i) => JSON.stringify({ step: i + 1, seconds: i + 1, tokens: (i + 1) * tokens })).join(
    '\n',
  )

const report = (tokens: number) => ({
  tokensPerStep: tokens,
  trainingSeconds: 60,
  totalSeconds: 70,
  peakBytes: 2 ** 34,
  mfuPercent: 1,
  steps: 60,
  tokens: 60 * tokens,
  checkpointSha256: 'ab'.repeat(32),
  lossCurve: [
    [1, 9],
    [60, 3],
  ],
})

export const torchReport = {
  tokensPerSecond: 1e6,
  mfuPercent: 24,
  stepMs: { p50: 524, p99: 600 },
  setupSeconds: 1,
  compileSeconds: 30,
  peakBytes: 2 ** 35,
  lossCurve: [[1, 9]],
  valBpb: 1.26,
  attention: 'varlen',
}

/** What a training run of 60 steps of one second leaves in `out`, and its judge. */
export function leave(out: string, name: string, tokens: number): void {
  fs.mkdirSync(path.join(out, name))
  fs.writeFileSync(path.join(out, `${name}.jsonl`), steps(tokens))
  fs.writeFileSync(path.join(out, name, 'report.json'), JSON.stringify(report(tokens)))
  fs.writeFileSync(path.join(out, `${name}.judge.json`), JSON.stringify({ valBpb: 1.25, tokens: 2048 }))
}

/** Writes the programs; what h200.sh has to be started with to find them. `checkpoint` is shell for what a run's checkpoint hashes to. */
export function pretendGpu(folder: string, checkpoint = 'echo same'): Record<string, string> {
  const bin = path.join(folder, 'bin')
  const build = path.join(folder, 'build')
  fs.mkdirSync(bin)
  fs.mkdirSync(build)
  const program = (file: string, text: string) =>
    fs.writeFileSync(file, `#!/usr/bin/env bash\n${text}\n`, { mode: 0o755 })
  const outOf =
    'while [ $# -gt 0 ]; do case $1 in --out) out=$2;; --data) data=$2;; --backend) backend=$2;; --scale) scale=$2;; esac; shift; done'
  const trained = JSON.stringify(report(1_200_000)).replace('ab'.repeat(32), '$sum')
  program(
    path.join(folder, 'train'),
    `${outOf}\n[ "$backend $scale" = "cuda gpu" ] && [ -f "$data/manifest.json" ] || exit 2\nmkdir -p "$out"; sum=$(${checkpoint})\necho "${trained.replaceAll('"', '\\"')}" > "$out/report.json"\necho x > "$out/checkpoint.bin"\ncat <<'END'\n${steps(1_200_000)}\nEND`,
  )
  program(
    path.join(build, 'judge'),
    `${outOf}\n[ "$backend" = cuda ] || exit 2\necho '{"valBpb": 1.25, "tokens": 32768}' > "$out"`,
  )
  program(path.join(build, 'cuda-test'), 'echo "native: 3 passed, 0 failed"')
  program(
    path.join(build, 'bench-gpu-rates'),
    `echo '{"what":"product, ours: ceiling","unit":"TFLOP/s","rate":123.4,"seconds":1,"spread":0}'`,
  )
  program(path.join(build, 'bench-gpu-step'), 'echo "a step of 524288 tokens: 400.00 ms"')
  program(path.join(bin, 'make'), `for word; do case $word in OUT=*) cp "${folder}/train" "\${word#OUT=}";; esac; done`)
  program(path.join(bin, 'nvcc'), 'echo pretended')
  program(path.join(bin, 'nvidia-smi'), 'echo "pretended, 1, 2 MiB"; case "$*" in *-lms*) exec sleep 600;; esac')
  program(path.join(bin, 'compute-sanitizer'), '[ "$3" = --error-exitcode ] && shift 4 && "$@"')
  program(
    path.join(bin, 'python'),
    `case "$1 $2" in "-c import torch"*) exit 0;; bench/gpu_attention.py*) echo '{"what":"attention, torch varlen","unit":"TFLOP/s","rate":null,"why":"no window"}'; exit;; bench/gpu_reference.py*) ${outOf}; echo '${JSON.stringify(torchReport)}' > "$out"; exit;; esac; exec python3 "$@"`,
  )
  return {
    PATH: `${bin}:${process.env.PATH}`,
    BUILD: build,
    SWARM_PYTHON: path.join(bin, 'python'),
    TEXT_FROM: '../docs ../trainer-native/engine',
  }
}
