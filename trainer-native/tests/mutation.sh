#!/usr/bin/env bash
# Is the suite worth its time? One sign is flipped in one backward (or update rule) at a time; a part of the suite must fail.
#   tests/mutation.sh [WORD]   run in trainer-native, from `make mutation [ONLY=WORD]`; WORD picks mutations by name
# The last line is `mutation: N caught, N missed`. Everything happens in a copy.
set -euo pipefail
export LC_ALL=C
build=${BUILD:-build}

# name | file | where the function starts | what is there | what is put there | tests that must fail
# Places are found by their words: one that is not found once is an error here, never a mutation that was not made.
mutations='
linear|engine/ops/linear.h|void backward\(const Frame<float>|(f\.din\[1\], in_\);)|\1 cpu::kernels().scale(long(out_) * in_, -1.0f, f.din[1], f.din[1]);|op embed, linear
slice|engine/ops/slice.h|void backward\(const Frame<float>|(f\.din\[0\] \+ first_, width_, true\);)|\1 cpu::kernels().scale(long(f.N) * width_, -1.0f, f.din[0], f.din[0]);|op slice
token_shift|engine/ops/token_shift.h|void backward\(const Frame<float>|(\.copy\(width\(\) - gap\(\), from, to\);)|\1 cpu::kernels().scale(width() - gap(), -1.0f, to, to);|op token_shift
conv|engine/cpu/mixers.h|^void conv_backward|= load\(w \+ i, lanes\) \*|= zero() - load(w + i, lanes) *|op conv
scan|engine/ops/scan.h|void backward\(const Frame<float>|cpu::kernels\(\)\.scan_backward(.*;)|cpu::kernels().scan_backward\1 cpu::kernels().scale(long(f.N) * cols_, -1.0f, f.din[1], f.din[1]);|op scan
ew|engine/core/expression.cpp|^  void through|times\(v, one_minus\(v\)\)|times(v, times(constant(-1), one_minus(v)))|op ew
embed|engine/cpu/rows.h|^void embed_backward|load\(out \+ i, lanes\) \+ load|load(out + i, lanes) - load|op embed, linear
rmsnorm|engine/cpu/rows.h|^void rmsnorm_backward|= fnma\(|= fma(|op rmsnorm
rope|engine/cpu/rows.h|^void rope|backward \? -1\.0f|backward ? 1.0f|op rope
cross_entropy|engine/cpu/rows.h|^void cross_entropy|\] - scale;|] + scale;|golden: loss and every gradient at
attention|engine/cpu/attention.h|void slopes_of_rows|along = splat\(dots\[r\]\)|along = zero() - splat(dots[r])|op attention
adam|engine/optim/adam.cpp|^UpdateRule adam|return -lr|return lr|golden: the losses
muon|engine/optim/muon.cpp|^UpdateRule muon|p - fma\(|p + fma(|golden: muon'

scratch=$(mktemp -d "${TMPDIR:-/tmp}/swarm-mutation-XXXXXX")
trap 'rm -rf "$scratch"' EXIT
# With the objects of this build: only what includes the flipped line is compiled again.
cp -Rp Makefile engine harness judge tools experiment tests "$scratch/"
mkdir -p "$scratch/build"
[ ! -d "$build/objects" ] || cp -Rp "$build/objects" "$build/frozen.sha256" "$scratch/build/"

caught=0 missed=0
while IFS='|' read -r name file start from to tests; do
  [[ -n $name && $name == *"${1:-}"* ]] || continue
  case $start in 'void backward'* | '^  void'*) end='^  }$' ;; *) end='^}' ;; esac  # a method, or a function
  sed -E "/$start/,/$end/ s/$from/$to/" "$file" >"$scratch/$file"
  changed=$(diff "$file" "$scratch/$file" | grep -c '^>' || true)
  if [ "$changed" != 1 ]; then
    echo "mutation $name: $changed lines of $file are changed by it, not 1; bring tests/mutation.sh along with the source" >&2
    exit 2
  fi
  if ! env -u MAKEFLAGS -u MAKELEVEL make -s -C "$scratch" BUILD=build build/test >"$scratch/log" 2>&1; then
    cat "$scratch/log" >&2
    echo "mutation $name does not compile" >&2
    exit 2
  fi
  if (cd "$scratch" && ./build/test "$tests" >log 2>&1); then
    echo "MISSED $name: '$tests' passes with it"
    missed=$((missed + 1))
  elif grep -q '^FAIL' "$scratch/log"; then
    echo "caught $name: $(grep -m1 '^FAIL' "$scratch/log" | cut -c6-200)"
    caught=$((caught + 1))
  else
    cat "$scratch/log" >&2
    echo "mutation $name: the tests ended without a failure of theirs" >&2
    exit 2
  fi
  cp -p "$file" "$scratch/$file"
  touch "$scratch/$file"
done <<<"$mutations"
echo "mutation: $caught caught, $missed missed"
[ "$missed" = 0 ] && [ "$caught" -gt 0 ]
