#!/usr/bin/env bash
# Counts the instructions of one training step of the shipped experiment (512 tokens, AVX2 kernels, one worker) with callgrind: the
# same number run after run, whatever else the machine does, so that a change too small for a clock shows. The committed counts are
# of one compiler: another one says NOT TESTED. Needs valgrind (apt-get install valgrind); not part of `npm test`.
#   bench/instructions.sh [--check]  compare; 1: a family grew by more than 2%
#   bench/instructions.sh --write    accept what was counted
set -euo pipefail
cd "$(dirname "$0")/.."
case "${1:---check}" in --check | --write) mode="${1:---check}" ;; *) sed -n '2,6s/^# //p' "$0" >&2; exit 2 ;; esac
not_tested() { echo "NOT TESTED: $1" >&2; exit 2; }
command -v valgrind >/dev/null || not_tested "valgrind is not installed"
committed=bench/instructions.txt
compiler=$(${CXX:-g++} --version | sed 1q)
if [ "$mode" = --check ]; then
  [ -e "$committed" ] || not_tested "there are no committed counts; make them with --write"
  [ "$(sed -n 's/^# compiler: //p' "$committed")" = "$compiler" ] ||
    not_tested "the committed counts are of $(sed -n 's/^# compiler: //p' "$committed"), here is $compiler"
fi
make -s build/bench-step >/dev/null
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT

steps=6  # of one run: two to warm up and one that counts, first timed op by op and then as a whole
SWARM_ISA=avx2 valgrind --tool=callgrind --callgrind-out-file="$folder/counted" build/bench-step --steps 1 >/dev/null 2>"$folder/log" ||
  { cat "$folder/log"; exit 1; }
callgrind_annotate --inclusive=yes --threshold=100 "$folder/counted" | sed 's/([ 0-9.]*%)//; s/,//g' >"$folder/functions"
families=(  # a name, and the function whose instructions, with all it calls, it stands for
  "whole_step swarm::Network::start_step(" "products ::gemm(" "gram_matrices ::gram(" "attention_forward ::attention_forward("
  "attention_backward ::attention_backward(" "cross_entropy ::cross_entropy(" "elementwise swarm::TileProgram::run("
  "norm_forward ::rmsnorm_forward(" "norm_backward ::rmsnorm_backward("
)
for family in "${families[@]}"; do
  read -r name function <<<"$family"
  awk -v name="$name" -v wanted="$function" -v steps=$steps 'index($0, wanted) { sum += $1 } END { printf "%s %.0f\n", name, sum / steps }' "$folder/functions"
done >"$folder/counts"
if awk '$2 == 0 { print "no instructions counted for " $1 ": its function has another name"; bad = 1 } END { exit !bad }' "$folder/counts" >&2; then exit 1; fi
[ "$mode" = --check ] || { { echo "# compiler: $compiler"; cat "$folder/counts"; } >"$committed"; cat "$committed"; exit 0; }
awk '/^#/ { next }
     NR == FNR || FILENAME == ARGV[1] { old[$1] = $2; next }
     { change = old[$1] > 0 ? 100 * ($2 / old[$1] - 1) : 100; grew = change > 2; bad += grew
       printf "%-20s %14d  committed %14d  %+6.2f%%%s\n", $1, $2, old[$1], change, grew ? "  GREW" : change < -2 ? "  shrank: --write keeps it" : "" }
     END { exit bad > 0 }' "$committed" "$folder/counts"
