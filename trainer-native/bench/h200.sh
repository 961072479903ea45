#!/usr/bin/env bash
# Everything about the CUDA backend that only a GPU can say, in one command and under nine minutes: parity, sanitizer, ceilings, our
# training beside PyTorch's on the same text, determinism. For a bare machine with one H200 or H100, nvcc, python3 with torch, 16 cores.
#
#   trainer-native/bench/h200.sh --out DIR [--data DIR] [--total SECONDS] [--train SECONDS]
#   trainer-native/bench/h200.sh --out DIR --rehearse      what can run without a GPU; every figure stays NOT MEASURED
#
# --data: a data set of vocabulary 8192 (docs/data.md); without it bench/gpu/make_text.py makes one. Each phase has its own time limit and a log
# in DIR; one that fails is recorded with its reason, never as a number, and the next one starts. Last come DIR/bench.json and the table.
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
caller=$PWD
cd "$here/.."

usage() { sed -n '5,6s/^#   //p' "$here/h200.sh" >&2; echo "h200.sh: $1" >&2; exit 2; }
note() { echo "$*" >"$OUT/$NAME.why"; }                    # what the table says of this phase
unmeasured() { note "$*"; exit 77; }
failed() { note "$*"; exit 1; }
needs_gpu() { [ "$REHEARSE" = 0 ] || unmeasured "a rehearsal; it needs a GPU"; }
has_torch() { "$PYTHON" -c 'import torch' 2>"$OUT/$NAME.torch"; }

phase_environment() {
  uname -sr; nproc; "$PYTHON" --version; git rev-parse HEAD 2>/dev/null
  command -v "$NVCC" >/dev/null && "$NVCC" --version | tail -2
  has_torch && "$PYTHON" -c 'import torch; print("torch", torch.__version__)'
  needs_gpu
  nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,power.limit --format=csv,noheader > "$OUT/gpu.txt" || failed "nvidia-smi finds no GPU"
  cat "$OUT/gpu.txt"
}
phase_text() {
  if [ -n "$GIVEN" ]; then [ -f "$DATA/manifest.json" ] || failed "--data $DATA is no data set"; return; fi
  "$PYTHON" bench/gpu/make_text.py --out "$DATA" --tokens "$([ "$REHEARSE" = 1 ] && echo 60000 || echo 22000000)" ${TEXT_FROM:+--from $TEXT_FROM}
}
phase_build() {
  [ "$REHEARSE" = 1 ] || command -v "$NVCC" >/dev/null || failed "no nvcc on PATH"
  # A rehearsal leaves nvcc alone, and links what `make` links here anyway, so that nothing beside it is made anew.
  make -j"$(nproc)" trainer SCALE=gpu $([ "$REHEARSE" = 0 ] || [ -e /proc/driver/nvidia/version ] || echo CUDA=no) EXPERIMENT="$PWD/experiment/train.cu" OUT="$OUT/train" || failed "the trainer does not build"
  [ "$REHEARSE" = 1 ] || make -j"$(nproc)" -f bench/gpu/build.mk rates step "$BUILD/cuda-test" || failed "the bench or the parity tests do not build"
}
phase_names() {
  local folder
  for folder in "$CUBLAS/../include" /usr/local/cuda/include; do
    if [ -f "$folder/cublasLt.h" ]; then
      make -f bench/gpu/build.mk lt-names CUBLAS_INCLUDE="$folder" || failed "our names of cuBLASLt are not those of $folder/cublasLt.h"
      return
    fi
  done
  unmeasured "there is no cublasLt.h here"
}
phase_parity() { needs_gpu; make -j"$(nproc)" cuda-test || failed "$(grep -m1 FAIL "$OUT/parity.log" || echo 'the tests do not run')"; }
phase_sanitizer() {
  needs_gpu
  command -v compute-sanitizer >/dev/null || unmeasured "there is no compute-sanitizer"
  [ -x "$BUILD/cuda-test" ] || unmeasured "the parity tests left no program"
  local tool
  for tool in memcheck racecheck initcheck; do
    compute-sanitizer --tool $tool --error-exitcode 9 "$BUILD/cuda-test" "$SANITIZED" || failed "$tool: $(grep '^=====' "$OUT/sanitizer.log" | grep -m1 -v COMPUTE-SANITIZER)"
  done
}
phase_rates() { needs_gpu; "$BUILD/bench-gpu-rates" | tee "$OUT/rates.jsonl"; [ "${PIPESTATUS[0]}" = 0 ] || failed "bench-gpu-rates: $(tail -1 "$OUT/rates.log")"; }
phase_step() { needs_gpu; "$BUILD/bench-gpu-step" | tee "$OUT/step.txt"; [ "${PIPESTATUS[0]}" = 0 ] || failed "bench-gpu-step: $(tail -1 "$OUT/step.log")"; }
train() {  # folder, budget
  "$OUT/train" --backend cuda --scale gpu --data "$DATA" --seed 42 --budget "$2" --out "$OUT/$1" --json >"$OUT/$1.jsonl" || failed "train: $(tail -1 "$OUT/$NAME.log")"
}
phase_ours_a() {
  needs_gpu
  train "$NAME" "wall:${TRAIN}s"
  "$BUILD/judge" --backend cuda --data "$DATA" --checkpoint "$OUT/$NAME/checkpoint.bin" --out "$OUT/$NAME.judge.json" || failed "judge: $(tail -1 "$OUT/$NAME.log")"
}
phase_ours_b() { phase_ours_a; }
phase_torch() {
  has_torch || unmeasured "python3 has no torch: $(tail -1 "$OUT/$NAME.torch")"
  if [ "$REHEARSE" = 1 ]; then
    "$PYTHON" bench/gpu_reference.py --data "$DATA" --size tiny --steps 2 --eval-rows 16 --out "$OUT/torch.rehearsal.json" || failed "the reference does not run"
    unmeasured "a rehearsal; it ran at the tiny size on the CPU"
  fi
  local rows=512
  [ -f "$OUT/ours_a.judge.json" ] && rows=$("$PYTHON" -c 'import json, sys; print(json.load(open(sys.argv[1]))["tokens"] // 2048)' "$OUT/ours_a.judge.json")
  "$PYTHON" bench/gpu_reference.py --data "$DATA" --seconds "$TRAIN" --eval-rows "$rows" --out "$OUT/torch.json" || failed "the reference: $(tail -1 "$OUT/torch.log")"
}
phase_determinism() {
  needs_gpu
  train twice_1 tokens:10485760; train twice_2 tokens:10485760  # 20 steps
  local one two
  one=$(sha256_of twice_1) two=$(sha256_of twice_2)
  [ -n "$one" ] && [ "$one" = "$two" ] || failed "two runs of 20 steps gave two checkpoints: ${one:0:12} and ${two:0:12}"
  note "20 steps twice: the same checkpoint, ${one:0:12}"
}
phase_torch_attention() {
  needs_gpu
  has_torch || unmeasured "python3 has no torch"
  "$PYTHON" bench/gpu_attention.py >"$OUT/torch_attention.jsonl" || failed "$(tail -1 "$OUT/torch_attention.log")"
}
sha256_of() { "$PYTHON" -c 'import json, sys; print(json.load(open(sys.argv[1]))["checkpointSha256"])' "$OUT/$1/report.json"; }

if [ "${1:-}" = --phase ]; then NAME=$2; "phase_$2"; exit; fi

OUT= DATA= GIVEN= REHEARSE=0 TOTAL=530 TRAIN=60
while [ $# -gt 0 ]; do
  case $1 in
    --rehearse) REHEARSE=1; shift; continue ;;
    --out | --data | --total | --train) [ $# -gt 1 ] || usage "$1 needs a value" ;;
    *) usage "unknown option $1" ;;
  esac
  case $1 in --out) OUT=$2 ;; --data) DATA=$2 GIVEN=1 ;; --total) TOTAL=$2 ;; --train) TRAIN=$2 ;; esac
  shift 2
done
[ -n "$OUT" ] || usage "--out is missing"
case $TOTAL$TRAIN in *[!0-9]*) usage "--total and --train are whole seconds" ;; esac
case $OUT in /*) ;; *) OUT=$caller/$OUT ;; esac
mkdir -p "$OUT" || usage "--out $OUT cannot be made"
[ -z "$(ls -A "$OUT")" ] || usage "--out $OUT is not empty"
OUT=$(cd "$OUT" && pwd)
[ -n "$DATA" ] || DATA=$OUT/data
case $DATA in /*) ;; *) DATA=$caller/$DATA ;; esac
PYTHON=${SWARM_PYTHON:-python3} NVCC=${NVCC:-nvcc} BUILD=${BUILD:-build} TEXT_FROM=${TEXT_FROM:-$([ "$REHEARSE" = 0 ] || echo ../docs ../trainer-native/engine)} SANITIZED=${SANITIZED:-cuda network: every op}
command -v "$PYTHON" >/dev/null || usage "there is no $PYTHON"
# cuBLASLt of the torch wheel, where CUDA itself has none.
CUBLAS=${SWARM_CUBLAS:-$("$PYTHON" -c 'import sysconfig, glob; print(next(iter(sorted(glob.glob(sysconfig.get_path("purelib") + "/nvidia/*/lib/libcublasLt.so.1[23]"), reverse=True)), "").rpartition("/")[0])')}
if [ -n "$CUBLAS" ]; then export SWARM_CUBLAS=$CUBLAS; fi
export PYTHONDONTWRITEBYTECODE=1 SWARM_CUBLAS_CHOICES=$OUT/choices OUT DATA GIVEN REHEARSE TRAIN PYTHON NVCC BUILD TEXT_FROM CUBLAS SANITIZED
[ "$REHEARSE" = 1 ] || { nvidia-smi --query-gpu=timestamp,clocks.sm,power.draw,temperature.gpu,memory.used --format=csv -lms 500 >"$OUT/nvidia-smi.csv" 2>&1 & smi=$!; }

run_phase() {  # name, limit: what it became goes to phases.tsv
  local began=$SECONDS limit=$2 left=$((TOTAL - SECONDS)) code why
  [ "$left" -lt "$limit" ] && limit=$left
  if [ "$left" -lt 2 ]; then
    printf '%s\tfailed\t0\tno time was left of %s s\n' "$1" "$TOTAL" >>"$OUT/phases.tsv"
    return
  fi
  timeout --kill-after=5 "$limit" bash "$here/h200.sh" --phase "$1" >"$OUT/$1.log" 2>&1 </dev/null
  code=$?
  why=$(head -1 "$OUT/$1.why" 2>/dev/null | tr '\t' ' ')
  case $code in
    0) code=ok ;;
    77) code=unmeasured ;;
    124 | 137) code=failed why="it took more than $limit s" ;;
    *) why=${why:-exit $code: $(tail -1 "$OUT/$1.log" | tr '\t' ' ')} code=failed ;;
  esac
  printf '%s\t%s\t%s\t%s\n' "$1" "$code" $((SECONDS - began)) "$why" >>"$OUT/phases.tsv"
  echo "h200: $1 $code ($((SECONDS - began)) s)${why:+: $why}" >&2
}

run_phase environment 60
run_phase text 90 &
text=$!
run_phase build 180
wait "$text"
run_phase names 20
run_phase parity 90
run_phase sanitizer 60
run_phase rates 60
run_phase step 40
run_phase ours_a $((TRAIN + 40))
run_phase torch $((TRAIN + 100))
run_phase ours_b $((TRAIN + 40))
run_phase determinism 60
run_phase torch_attention 60
[ -z "${smi:-}" ] || kill "$smi"
"$PYTHON" bench/gpu_table.py "$OUT" "$REHEARSE" | tee "$OUT/table.txt"
exit "${PIPESTATUS[0]}"
