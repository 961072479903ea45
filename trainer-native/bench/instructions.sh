#!/usr/bin/env bash
# Counts the instructions of one training step of the shipped experiment (512 tokens, AVX2 kernels, one worker) with callgrind and
# compares them with the committed counts: within 3%, whatever else the machine does. Needs valgrind; not part of `npm test`.
#   bench/instructions.sh            compare; 1: a count moved by more than 3%
#   bench/instructions.sh --write    accept what was counted
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind >/dev/null || { echo "NOT TESTED: valgrind is not installed (apt-get install valgrind)"; exit 2; }
committed=bench/instructions.txt
[ -e "$committed" ] || [ "${1:-}" = --write ] || { echo "NOT TESTED: there are no committed counts yet; make them with --write"; exit 2; }
make -s build/bench-step
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT

steps=6  # of one run: two to warm up and one that counts, first timed op by op and then as a whole
SWARM_ISA=avx2 valgrind --tool=callgrind --callgrind-out-file="$folder/counted" build/bench-step --steps 1 >/dev/null 2>"$folder/log" ||
  { cat "$folder/log"; exit 1; }
callgrind_annotate --inclusive=yes --threshold=100 "$folder/counted" | sed 's/([ 0-9.]*%)//; s/,//g' >"$folder/functions"
families=(  # a name, and the function whose instructions, with all it calls, it stands for
  "whole_step swarm::Network::start_step(" "products ::gemm(" "gram_matrices ::gram(" "attention_forward ::attention_forward("
  "attention_backward ::attention_backward(" "cross_entropy ::cross_entropy(" "elementwise swarm::TileProgram::run("
)
for family in "${families[@]}"; do
  read -r name function <<<"$family"
  awk -v name="$name" -v wanted="$function" -v steps=$steps 'index($0, wanted) { sum += $1 } END { printf "%s %.0f\n", name, sum / steps }' "$folder/functions"
done >"$folder/counts"
[ "${1:-}" = --write ] && { cp "$folder/counts" "$committed"; cat "$committed"; exit 0; }
awk 'NR == FNR { old[$1] = $2; next }
     { change = old[$1] > 0 ? 100 * ($2 / old[$1] - 1) : 100; bad += change > 3 || change < -3
       printf "%-20s %14d  committed %14d  %+6.2f%%%s\n", $1, $2, old[$1], change, change > 3 || change < -3 ? "  MOVED" : "" }
     END { exit bad > 0 }' "$committed" "$folder/counts"
