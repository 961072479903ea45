// How the programs here take times. On a shared machine only processor time means much, so that is what they report unless
// they say otherwise, and the best of several.
// defines: wall_seconds, thread_seconds, process_seconds, seconds, core_peak, numbers
#pragma once
#include <algorithm>
#include <ctime>
#include <vector>

#include "engine/cpu/kernels.h"

namespace bench {

inline double seconds_of(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}
inline double wall_seconds() { return seconds_of(CLOCK_MONOTONIC); }
inline double thread_seconds() { return seconds_of(CLOCK_THREAD_CPUTIME_ID); }
inline double process_seconds() { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }

// Best of seven: seconds of this thread that one call takes.
template <class Call>
double seconds(const Call& call) {
  call();
  double once = thread_seconds();
  call();
  once = thread_seconds() - once;
  const int calls = std::max(1, static_cast<int>(4e-3 / std::max(once, 1e-7)));
  double best = 1e30;
  for (int round = 0; round < 7; round++) {
    const double start = thread_seconds();
    for (int i = 0; i < calls; i++) call();
    best = std::min(best, (thread_seconds() - start) / calls);
  }
  return best;
}

// Floating point operations a second that this core can do at most: measured, not looked up.
inline double core_peak() {
  constexpr long rounds = 200000;
  volatile float sink = 0;
  return rounds * 512.0 / seconds([&] { sink = swarm::cpu::kernels().fma_rounds(rounds); });
}

inline std::vector<float> numbers(long n) {
  std::vector<float> x(n);
  uint32_t state = 1;
  for (float& value : x) state = state * 1664525u + 1013904223u, value = (state >> 8) * 0x1p-24f - 0.5f;
  return x;
}

}  // namespace bench
