// What forward and backward share: tiles [tokens, head_dim] in shared memory and the products of a warp's sixteen rows with them.
#pragma once
#include "engine/cuda/attention.h"
#include "engine/cuda/device.h"

namespace swarm::cuda {

constexpr int attention_threads = 128, warp_rows = 16;  // four warps, each with sixteen rows of the block's tile
constexpr int block_rows = attention_threads / warp * warp_rows;
constexpr float log2e = 1.4426950408889634f;

// Rows of head_dim numbers, in chunks of sixteen bytes shuffled so that the eight rows of an ldmatrix lie in different banks.
// With 64-byte rows (head dim 32) two rows fill the banks, so the shuffle turns every second row.
template <int D>
__device__ inline int tile_place(int row, int chunk) {
  return row * D * 2 + ((chunk ^ (D >= 64 ? row & 7 : row >> 1 & 3)) << 4);
}

// tokens first .. first + Rows - 1 of a row of T tokens; those past its end are 0. x is that row's first token, at this head.
template <int D, int Rows>
__device__ inline void load_rows(char* to, const bf16* x, long stride, int first, int T) {
  for (int i = threadIdx.x; i < Rows * D / 8; i += attention_threads) {
    const int row = i / (D / 8), chunk = i % (D / 8);
    const bool valid = first + row < T;
    copy_async16(to + tile_place<D>(row, chunk), valid ? x + (first + row) * stride + chunk * 8 : x, valid);
  }
}

// a: the 16x16 at (row, k) of a tile.
template <int D>
__device__ inline void tile_a(uint32_t (&a)[4], const char* tile, int row, int k) {
  const int lane = threadIdx.x % warp, i = lane / 8, j = lane % 8;
  load_matrices(a, tile + tile_place<D>(row + i % 2 * 8 + j, k / 8 + i / 2));
}

// s [16, Columns] = A [16 rows of a tile] B^T [Columns rows of a tile]
template <int D, int Columns>
__device__ inline void times_transposed(float (&s)[Columns / 8][4], const char* A, int row, const char* B) {
  const int lane = threadIdx.x % warp, i = lane / 8, j = lane % 8;
#pragma unroll
  for (int n = 0; n < Columns / 8; n++)
#pragma unroll
    for (int e = 0; e < 4; e++) s[n][e] = 0;
#pragma unroll
  for (int k = 0; k < D; k += 16) {
    uint32_t a[4];
    tile_a<D>(a, A, row, k);
#pragma unroll
    for (int n = 0; n < Columns; n += 16) {
      uint32_t b[4];
      load_matrices(b, B + tile_place<D>(n + i / 2 * 8 + j, k / 8 + i % 2));
      mma(s[n / 8], a, b[0], b[1]);
      mma(s[n / 8 + 1], a, b[2], b[3]);
    }
  }
}

// o [16, D] += P [16, Rows] B [Rows, D]; P is what a lane holds of a product, rounded to bf16.
template <int D, int Rows>
__device__ inline void times(float (&o)[D / 8][4], const float (&p)[Rows / 8][4], const char* B) {
  const int lane = threadIdx.x % warp, i = lane / 8, j = lane % 8;
#pragma unroll
  for (int k = 0; k < Rows; k += 16) {
    const uint32_t a[4] = {pack(p[k / 8][0], p[k / 8][1]), pack(p[k / 8][2], p[k / 8][3]), pack(p[k / 8 + 1][0], p[k / 8 + 1][1]),
                           pack(p[k / 8 + 1][2], p[k / 8 + 1][3])};
#pragma unroll
    for (int d = 0; d < D; d += 16) {
      uint32_t b[4];
      load_matrices_transposed(b, B + tile_place<D>(k + i % 2 * 8 + j, d / 8 + i / 2));
      mma(o[d / 8], a, b[0], b[1]);
      mma(o[d / 8 + 1], a, b[2], b[3]);
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

}  // namespace swarm::cuda
