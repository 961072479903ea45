// What forward and backward share: tiles [tokens, head_dim] in shared memory and the products of a warp's sixteen rows with them.
#pragma once
#include <stdexcept>

#include "engine/cuda/attention.h"
#include "engine/cuda/device.h"
#include "engine/cuda/warpgroup.h"

namespace swarm::cuda {

// One warpgroup a block: two blocks on a multiprocessor work in each other's pauses, two warpgroups of one block do not.
constexpr int attention_threads = 128, warp_rows = 16, block_rows = attention_threads / warp * warp_rows;
constexpr int keys = 64, queries = 64;  // of a tile that a block walks over
constexpr float log2e = 1.4426950408889634f;

// Head dims that a warpgroup's products are written for.
template <int D>
constexpr bool by_warpgroup = SWARM_WARPGROUP != 0 && D >= 64;

// A tile [Rows, D]: panels of 64 channels one behind the other, rows in chunks of sixteen bytes exchanged so that the eight rows of an
// ldmatrix lie in different banks. With 64-byte rows (head dim 32) two rows fill the banks, so every second row counts.
template <int D, int Rows>
__device__ inline int tile_place(int row, int chunk) {
  if (D == 32) return row * 64 + ((chunk ^ (row >> 1 & 3)) << 4);
  return chunk / 8 * Rows * 128 + row * 128 + ((chunk % 8 ^ (row & 7)) << 4);
}

// tokens first .. first + Rows - 1 of a row of T tokens; those past its end are 0. x is that row's first token, at this head.
// to: tiles of Part rows each, one behind the other.
template <int D, int Rows, int Part = Rows>
__device__ inline void load_rows(char* to, const bf16* x, long stride, int first, int T) {
  constexpr int chunks = D / 8, at_once = attention_threads / chunks;  // rows
  static_assert(Rows % at_once == 0 && Part % at_once == 0);
  const int chunk = threadIdx.x % chunks;
  const bf16* from = x + (first + int(threadIdx.x) / chunks) * stride + chunk * 8;
#pragma unroll
  for (int part = 0; part < Rows; part += at_once) {
    const int row = part + int(threadIdx.x) / chunks;
    const bool valid = first + row < T;
    copy_async16(to + row / Part * Part * D * 2 + tile_place<D, Part>(row % Part, chunk), from, valid);
    from += at_once * stride;
  }
}

// What copy_async16 brought, all but the newest `Left` groups, is there for every thread of the block.
template <int D, int Left>
__device__ inline void arrive() {
  copy_async_wait<Left>();
#if SWARM_WARPGROUP
  if (by_warpgroup<D>) publish_shared();
#endif
  __syncthreads();
}

// Products are started as groups, run beside what follows, and may be looked at, and their tiles overwritten, after end<D, Left>(),
// which leaves at most the newest `Left` of them running. Without warpgroups each has ended when it was started.
template <int D, int Left, int... Sizes>
__device__ inline void end([[maybe_unused]] float (&... results)[Sizes][4]) {
#if SWARM_WARPGROUP
  if constexpr (by_warpgroup<D>) {
    warpgroup_wait<Left>();
    const auto seen = [](auto& c) {  // so that the compiler reads none of them earlier
#pragma unroll
      for (auto& lane : c)
#pragma unroll
        for (float& x : lane) asm volatile("" : "+f"(x)::"memory");
    };
    (seen(results), ...);
  }
#endif
}

// s [16, Columns] = A [the 16 rows of this warp in a tile of block_rows] B^T [a tile of Columns rows]
template <int D, int Columns>
__device__ inline void start_transposed(float (&s)[Columns / 8][4], const char* A, const char* B) {
#if SWARM_WARPGROUP
  if constexpr (by_warpgroup<D>) {
    const SharedMatrix left(A, 0), right(B, 0);
    warpgroup_start();
#pragma unroll
    for (int k = 0; k < D; k += 16)  // 64 channels a panel, and within its rows' exchange 32 bytes a step
      warpgroup_product(s, left.after(k / 64 * block_rows * 128 + k % 64 * 2), right.after(k / 64 * Columns * 128 + k % 64 * 2), k > 0);
    warpgroup_commit();
  } else
#endif
  {
    const int lane = threadIdx.x % warp, i = lane / 8, j = lane % 8, row = threadIdx.x / warp * warp_rows;
#pragma unroll
    for (int n = 0; n < Columns / 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) s[n][e] = 0;
#pragma unroll
    for (int k = 0; k < D; k += 16) {
      uint32_t a[4];
      load_matrices(a, A + tile_place<D, block_rows>(row + i % 2 * 8 + j, k / 8 + i / 2));
#pragma unroll
      for (int n = 0; n < Columns; n += 16) {
        uint32_t b[4];
        load_matrices(b, B + tile_place<D, Columns>(n + i / 2 * 8 + j, k / 8 + i % 2));
        mma(s[n / 8], a, b[0], b[1]);
        mma(s[n / 8 + 1], a, b[2], b[3]);
      }
    }
  }
}

// o [16, D] += P [16, Rows] B [a tile of Rows]; P is what a lane holds of a product, rounded to bf16.
template <int D, int Rows>
__device__ inline void start_sum(float (&o)[D / 8][4], const float (&p)[Rows / 8][4], const char* B) {
  uint32_t a[Rows / 16][4];
#pragma unroll
  for (int k = 0; k < Rows / 16; k++)
#pragma unroll
    for (int i = 0; i < 4; i++) a[k][i] = pack(p[k * 2 + i / 2][i % 2 * 2], p[k * 2 + i / 2][i % 2 * 2 + 1]);
#if SWARM_WARPGROUP
  if constexpr (by_warpgroup<D>) {
    const SharedMatrix right(B, Rows * 128);
    warpgroup_start();
#pragma unroll
    for (int k = 0; k < Rows / 16; k++) warpgroup_product(o, a[k], right.after(k * 16 * 128));
    warpgroup_commit();
  } else
#endif
  {
    const int lane = threadIdx.x % warp, i = lane / 8, j = lane % 8;
#pragma unroll
    for (int k = 0; k < Rows / 16; k++)
#pragma unroll
      for (int d = 0; d < D; d += 16) {
        uint32_t b[4];
        load_matrices_transposed(b, B + tile_place<D, Rows>(k * 16 + i % 2 * 8 + j, d / 8 + i / 2));
        mma(o[d / 8], a[k], b[0], b[1]);
        mma(o[d / 8 + 1], a[k], b[2], b[3]);
      }
  }
}

// x (+)= what a warp holds of [16, D], its row r to token first + r where that is below T.
template <int D>
__device__ inline void store_rows(bf16* x, long stride, int first, int T, const float (&o)[D / 8][4], bool add) {
  const int lane = threadIdx.x % warp;
#pragma unroll
  for (int half = 0; half < 2; half++) {
    const int token = first + half * 8 + lane / 4;
    if (token >= T) continue;
#pragma unroll
    for (int d = 0; d < D / 8; d++) {
      uint32_t* to = reinterpret_cast<uint32_t*>(x + token * stride + d * 8 + lane % 4 * 2);
      float low = o[d][half * 2], high = o[d][half * 2 + 1];
      if (add) low += to_float({uint16_t(*to)}), high += to_float({uint16_t(*to >> 16)});
      *to = pack(low, high);
    }
  }
}

__device__ inline bool sees(const Attention& a, int query, int key) { return key <= query && key >= query - a.window; }

// Where one head of one row of tokens starts.
__device__ inline long head_start(const Attention& a, int row, int heads, int head) { return (long(row) * a.T * heads + head) * a.head_dim; }

// The tiles of keys that queries first .. first + count - 1 look at.
struct Span {
  int begin, end;
};
__device__ inline Span keys_seen(const Attention& a, int first, int count) {
  return {max(0, first - a.window) / keys, (min(a.T, first + count) + keys - 1) / keys};
}

// Does every one of queries first_query .. + n - 1 see all of keys first_key .. + m - 1?
__device__ inline bool see_all(const Attention& a, int first_query, int n, int first_key, int m) {
  return first_key + m - 1 <= first_query && first_key >= first_query + n - 1 - a.window;
}

// body(head dim as a constant)
template <class Body>
void with_head_dim(int head_dim, Body body) {
  if (head_dim == 32) body(std::integral_constant<int, 32>());
  else if (head_dim == 64) body(std::integral_constant<int, 64>());
  else if (head_dim == 128) body(std::integral_constant<int, 128>());
  else throw std::logic_error("attention: no kernel for this head dim");
}

}  // namespace swarm::cuda
