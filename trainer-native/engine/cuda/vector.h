// V neighbouring bf16 numbers as floats: V is 8 (one 16-byte access) where rows are aligned, else 1.
// defines: load, store, is_wide(), row_threads, grid_of(), first_item(), item_step()
#pragma once
#include <algorithm>

#include "engine/cuda/device.h"
#include "engine/cuda/tape.h"

namespace swarm::cuda {

template <int V>
__device__ inline void load(const bf16* from, float (&x)[V]) {
  if constexpr (V == 8) {
    const Eight eight = *reinterpret_cast<const Eight*>(from);
    for (int i = 0; i < 8; i++) x[i] = to_float(eight.x[i]);
  } else {
    x[0] = to_float(*from);
  }
}

template <int V>
__device__ inline void store(bf16* to, const float (&x)[V]) {
  if constexpr (V == 8) {
    struct alignas(16) Four { uint32_t x[4]; } four;
    for (int i = 0; i < 4; i++) four.x[i] = pack(x[2 * i], x[2 * i + 1]);
    *reinterpret_cast<Four*>(to) = four;
  } else {
    *to = to_bf16(x[0]);
  }
}

template <int V>
__device__ inline void store(bf16* to, float (&x)[V], bool add) {
  if (add) {
    float old[V];
    load(to, old);
    for (int i = 0; i < V; i++) x[i] += old[i];
  }
  store(to, x);
}

// Whether 16-byte accesses are possible: all of these counts are multiples of eight (arrays themselves start aligned).
template <class... Counts>
bool is_wide(Counts... counts) {
  return ((long(counts) % 8 == 0) && ...);
}

constexpr int row_threads = 256;  // of the kernels that go over items one by one

inline Extent grid_of(long items, long per_block = row_threads) {  // enough for any GPU; kernels loop over the rest
  return {unsigned(std::max(1L, std::min(8192L, blocks_for(items, per_block))))};
}

__device__ inline long first_item() { return long(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ inline long item_step() { return long(gridDim.x) * blockDim.x; }

}  // namespace swarm::cuda
