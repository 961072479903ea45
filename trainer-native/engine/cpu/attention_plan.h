// Where attention keeps what in its scratch; one place for the kernels and for whoever reserves the memory.
// defines: Plan, plan_attention, kQueries, up_to, smaller
#pragma once
#include "engine/cpu/kernels.h"

namespace swarm::cpu {
namespace {

constexpr int kQueries = 64;  // of a block

inline int smaller(int a, int b) { return a < b ? a : b; }
inline int up_to(int x, int multiple) { return (x + multiple - 1) / multiple * multiple; }

struct Plan {
  long width;                          // floats from one row of scores to the next
  long key_panels, value_panels;       // offsets in floats: [T/32][head_dim][32]
  long rows_a, rows_b, rows_c;         // [T, head_dim]
  long scores, slopes;                 // [kQueries, width]
  long floats;
};

inline Plan plan_attention(const Attention& a) {
  const int padded = up_to(a.T, 32);
  Plan p;
  p.width = smaller(padded, up_to(kQueries + smaller(a.window, a.T), 16) + 16) + 16;  // + 16: rows must not lie a power of two apart
  const long panel = static_cast<long>(padded) * a.head_dim, block = kQueries * p.width;
  p.key_panels = 0;
  p.value_panels = panel;
  p.rows_a = 2 * panel;
  p.rows_b = 3 * panel;
  p.rows_c = 4 * panel;
  p.scores = 5 * panel;
  p.slopes = p.scores + block;
  p.floats = p.slopes + block;
  return p;
}

}  // namespace
}  // namespace swarm::cpu
