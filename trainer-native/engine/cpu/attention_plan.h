// Where attention keeps what in its scratch; one place for the kernels and for whoever reserves the memory.
// defines: Plan, plan_attention, kQueries, up_to, smaller
#pragma once
#include "engine/cpu/kernels.h"

namespace swarm::cpu {
namespace {

constexpr int kGroup = 8;     // queries that share a range of keys
constexpr int kForwardGroup = 2 * kGroup;  // queries whose scores forward keeps at a time
constexpr int kQueries = 64;  // of a block of backward
constexpr int kKeys = 64;     // of a block of backward, a multiple of 32
constexpr int kKeysWidth = kKeys + 16;  // floats from one row of such a block to the next: rows must not lie a power of two apart

inline int smaller(int a, int b) { return a < b ? a : b; }
inline int larger(int a, int b) { return a > b ? a : b; }
inline int up_to(int x, int multiple) { return (x + multiple - 1) / multiple * multiple; }

struct Plan {
  long width;                          // floats from one row of forward's scores to the next
  long key_panels, value_panels;       // offsets in floats: [T/32][head_dim][32]
  long rows_a, rows_b, rows_c;         // [T, head_dim]
  long scores;                         // forward [kForwardGroup, width], backward [kQueries, kKeysWidth]
  long slopes;                         // backward [kQueries, kKeysWidth]
  long floats;
};

inline Plan plan_attention(const Attention& a) {
  const int padded = up_to(a.T, 32);
  Plan p;
  p.width = smaller(padded, up_to(kForwardGroup + smaller(a.window, a.T), 16) + 16) + 16;
  const long panel = static_cast<long>(padded) * a.head_dim, block = kQueries * kKeysWidth, group = kForwardGroup * p.width;
  p.key_panels = 0;
  p.value_panels = panel;
  p.rows_a = 2 * panel;
  p.rows_b = 3 * panel;
  p.rows_c = 4 * panel;
  p.scores = 5 * panel;
  p.slopes = p.scores + block;
  p.floats = p.scores + (group > 2 * block ? group : 2 * block);
  return p;
}

}  // namespace
}  // namespace swarm::cpu
