// Places buffers with known lifetimes into one arena, so that buffers alive at the same time never overlap.
#pragma once
#include <cstddef>
#include <vector>

namespace swarm {

constexpr size_t arena_alignment = 64;  // bytes: a cache line, and one 16-lane vector

struct Buffer {
  size_t bytes = 0;
  int first = 0, last = 0;  // the steps of its life, both ends included
  size_t offset = 0;        // filled in by plan
};

// Best fit, largest first. Returns the bytes of the arena.
size_t plan(std::vector<Buffer>& buffers);

}  // namespace swarm
