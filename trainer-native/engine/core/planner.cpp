#include "engine/core/planner.h"

#include <algorithm>
#include <cstdint>
#include <numeric>

namespace swarm {

size_t plan(std::vector<Buffer>& buffers) {
  std::vector<int> order(buffers.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return buffers[a].bytes > buffers[b].bytes; });

  auto rounded = [](size_t bytes) { return (bytes + arena_alignment - 1) / arena_alignment * arena_alignment; };
  std::vector<int> placed;  // by offset
  size_t arena = 0;
  for (int b : order) {
    Buffer& buffer = buffers[b];
    const size_t size = rounded(buffer.bytes);
    // The smallest gap that fits, among those placed buffers that are alive together with this one.
    size_t best = SIZE_MAX, best_gap = SIZE_MAX, end = 0;
    for (int p : placed) {
      const Buffer& other = buffers[p];
      if (other.last < buffer.first || buffer.last < other.first) continue;
      if (other.offset > end && other.offset - end >= size && other.offset - end < best_gap) {
        best = end;
        best_gap = other.offset - end;
      }
      end = std::max(end, other.offset + rounded(other.bytes));
    }
    buffer.offset = best == SIZE_MAX ? end : best;
    arena = std::max(arena, buffer.offset + size);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), b,
                                   [&](int x, int y) { return buffers[x].offset < buffers[y].offset; }), b);
  }
  return arena;
}

}  // namespace swarm
