// One product kernel for sm_80 and later: blocks of 128x128, K in steps of 32 through three stages of shared memory, eight
// warps of 64x32 with mma.sync. Rows whose starts are not 16-byte aligned are read number by number, so every shape runs.
#include "engine/cuda/gemm.h"

#include <algorithm>
#include <stdexcept>

#include "engine/cuda/blas_lt.h"
#include "engine/cuda/device.h"
#include "engine/cuda/launch.h"

namespace swarm::cuda {
namespace {

constexpr int tile = 128, depth = 32, stages = 3, threads = 256;  // of a block
constexpr int warp_rows = 64, warp_cols = 32;                    // of a warp's part
constexpr int tile_bytes = tile * depth * int(sizeof(bf16)), stage_bytes = 2 * tile_bytes;
constexpr long blocks_wanted = 264;  // two a multiprocessor on the GPUs we know; a constant, so that bits do not depend on the GPU

struct Work {  // of the kernel
  int M, N, K, parts;
  const bf16 *A, *B, *D;
  void* C;
  long lda, ldb, ldc, a_step, b_step, c_step;
  float alpha, beta;
  bool a_aligned, b_aligned, c_pairs;
};

// One operand in shared memory. Along: the tile [128][32] has K along its rows, else it is [32][128]. Sixteen-byte chunks are
// shuffled so that eight rows of one ldmatrix lie in different banks.
template <bool Along>
__device__ inline int place(int row, int chunk) {
  return Along ? row * 64 + ((chunk ^ (row >> 1 & 3)) << 4) : row * 256 + ((chunk ^ (row & 7)) << 4);
}

// X is [extent, K] (Along) or [K, extent]; the tile starts at `first` and `k0`. What lies past `extent` or `k_end` is 0.
template <bool Along>
__device__ inline void load_tile(char* to, const bf16* X, long ld, int first, int extent, int k0, int k_end, bool aligned) {
  for (int i = threadIdx.x; i < tile * depth / 8; i += threads) {
    const int row = Along ? i / 4 : i / 16, chunk = Along ? i % 4 : i % 16;
    const int e = first + (Along ? row : chunk * 8), k = k0 + (Along ? chunk * 8 : row);
    const bf16* from = X + (Along ? e * ld + k : k * ld + e);
    char* slot = to + place<Along>(row, chunk);
    if (aligned) {
      const bool valid = e < extent && k < k_end;
      copy_async16(slot, valid ? from : X, valid);
      continue;
    }
    Eight eight;
    for (int j = 0; j < 8; j++) {
      const bool valid = Along ? e < extent && k + j < k_end : e + j < extent && k < k_end;
      eight.x[j] = valid ? from[j] : bf16{0};
    }
    *reinterpret_cast<Eight*>(slot) = eight;
  }
}

// The 16x16 of A at (row, k) of a tile.
template <bool Along>
__device__ inline void load_a(uint32_t (&a)[4], const char* from, int row, int k) {
  const int lane = threadIdx.x % warp, i = lane / 8, j = lane % 8;
  if (Along) load_matrices(a, from + place<true>(row + i % 2 * 8 + j, k / 8 + i / 2));
  else load_matrices_transposed(a, from + place<false>(k + i / 2 * 8 + j, row / 8 + i % 2));
}

// The 16x16 of B at (k, column) of a tile: b[0], b[1] for the first eight columns, b[2], b[3] for the next.
template <bool Along>
__device__ inline void load_b(uint32_t (&b)[4], const char* from, int column, int k) {
  const int lane = threadIdx.x % warp, i = lane / 8, j = lane % 8;
  if (Along) load_matrices(b, from + place<true>(column + i / 2 * 8 + j, k / 8 + i % 2));
  else load_matrices_transposed(b, from + place<false>(k + i % 2 * 8 + j, column / 8 + i / 2));
}

__device__ inline void put(bf16* C, const bf16* D, long at, float x, float beta) { C[at] = to_bf16(beta == 0 ? x : x + beta * to_float(D[at])); }
__device__ inline void put(float* C, const bf16*, long at, float x, float beta) { C[at] = beta == 0 ? x : x + beta * C[at]; }

__device__ inline void put_pair(bf16* C, const bf16* D, long at, float x, float y, float beta) {
  if (beta != 0) {
    const uint32_t d = *reinterpret_cast<const uint32_t*>(D + at);
    x += beta * to_float({uint16_t(d)}), y += beta * to_float({uint16_t(d >> 16)});
  }
  *reinterpret_cast<uint32_t*>(C + at) = pack(x, y);
}
struct alignas(8) Pair {
  float x, y;
};
__device__ inline void put_pair(float* C, const bf16*, long at, float x, float y, float beta) {
  Pair* to = reinterpret_cast<Pair*>(C + at);
  *to = beta == 0 ? Pair{x, y} : Pair{x + beta * to->x, y + beta * to->y};
}

// Form: see gemm.h. Out is bf16, or float for parts of a sum over K.
template <Form form, class Out>
__global__ void __launch_bounds__(threads, 2) gemm_kernel(Work w) {
  constexpr bool a_along = form != Form::TN, b_along = form == Form::NT;
  char* shared = shared_memory();
  const int batch = blockIdx.z / w.parts, part = blockIdx.z % w.parts;
  const int m0 = blockIdx.y * tile, n0 = blockIdx.x * tile;  // neighbours share their rows of A
  const bf16 *A = w.A + batch * w.a_step, *B = w.B + batch * w.b_step;
  const int steps_all = (w.K + depth - 1) / depth, each = (steps_all + w.parts - 1) / w.parts;
  const int k_first = part * each * depth, k_end = min(w.K, k_first + each * depth);
  const int steps = k_end > k_first ? (k_end - k_first + depth - 1) / depth : 0;

  const auto load = [&](int step) {
    if (step < steps) {
      char* stage = shared + step % stages * stage_bytes;
      load_tile<a_along>(stage, A, w.lda, m0, w.M, k_first + step * depth, k_end, w.a_aligned);
      load_tile<b_along>(stage + tile_bytes, B, w.ldb, n0, w.N, k_first + step * depth, k_end, w.b_aligned);
    }
    copy_async_commit();
  };
  for (int s = 0; s < stages - 1; s++) load(s);

  const int index = threadIdx.x / warp, lane = threadIdx.x % warp;
  const int row0 = index / 4 * warp_rows, col0 = index % 4 * warp_cols;
  float c[4][4][4] = {};  // [16 rows][8 columns][what a lane holds of a 16x8]
  for (int step = 0; step < steps; step++) {
    copy_async_wait<stages - 2>();
    __syncthreads();  // this step's stage is there, and the one before has been read by all
    load(step + stages - 1);
    const char* stage = shared + step % stages * stage_bytes;
#pragma unroll
    for (int k = 0; k < depth; k += 16) {
      uint32_t a[4][4], b[2][4];
#pragma unroll
      for (int i = 0; i < 4; i++) load_a<a_along>(a[i], stage, row0 + i * 16, k);
#pragma unroll
      for (int j = 0; j < 2; j++) load_b<b_along>(b[j], stage + tile_bytes, col0 + j * 16, k);
#pragma unroll
      for (int i = 0; i < 4; i++)
#pragma unroll
        for (int j = 0; j < 4; j++) mma(c[i][j], a[i], b[j / 2][j % 2 * 2], b[j / 2][j % 2 * 2 + 1]);
    }
  }

  // Parts of a sum lie one behind the other, [parts][M][N].
  Out* C = static_cast<Out*>(w.C) + batch * w.c_step + (w.parts > 1 ? long(part) * w.M * w.N : 0);
  const bf16* D = w.D ? w.D + batch * w.c_step : nullptr;
#pragma unroll
  for (int i = 0; i < 4; i++)
#pragma unroll
    for (int j = 0; j < 4; j++)
#pragma unroll
      for (int half = 0; half < 2; half++) {
        const int row = m0 + row0 + i * 16 + half * 8 + lane / 4, col = n0 + col0 + j * 8 + lane % 4 * 2;
        if (row >= w.M || col >= w.N) continue;
        const long at = row * w.ldc + col;
        const float x = w.alpha * c[i][j][half * 2], y = w.alpha * c[i][j][half * 2 + 1];
        if (w.c_pairs) put_pair(C, D, at, x, y, w.beta);
        else {
          put(C, D, at, x, w.beta);
          if (col + 1 < w.N) put(C, D, at + 1, y, w.beta);
        }
      }
}

// C [count] = beta C + the sum of parts [parts][count], first part first.
__global__ void __launch_bounds__(threads) sum_parts_kernel(const float* from, int parts, int N, long count, float beta, float* C, long ldc) {
  for (long i = long(blockIdx.x) * threads + threadIdx.x; i < count; i += long(gridDim.x) * threads) {
    float sum = 0;
    for (int p = 0; p < parts; p++) sum += from[p * count + i];
    float& to = C[i / N * ldc + i % N];
    to = beta == 0 ? sum : sum + beta * to;
  }
}

int parts_of(int M, int N, int K) {
  const long tiles = blocks_for(M, tile) * blocks_for(N, tile), steps = blocks_for(K, depth);
  constexpr long least_steps = 8;  // of a part, or its start costs more than it saves
  return int(std::max(1L, std::min(blocks_wanted / tiles, steps / least_steps)));
}

bool is_aligned(const void* p, long ld, long step) {  // rows and batches start at 16 bytes
  return reinterpret_cast<uintptr_t>(p) % 16 == 0 && ld % 8 == 0 && step % 8 == 0;
}

}  // namespace

size_t gemm_workspace_floats(int M, int N, int K) {
  const int parts = parts_of(M, N, K);
  return parts > 1 ? size_t(parts) * M * N : 0;
}

void gemm(Tape& tape, const Product& p, float* workspace) {
  if (p.M < 1 || p.N < 1 || p.K < 1 || (p.C32 && (p.form != Form::TN || p.batches != 1 || p.alpha != 1)))
    throw std::logic_error("gemm: no kernel for this product");
  if (tape.products() && tape.products()->record(tape, p)) return;
  const bool to_float32 = p.C32 != nullptr;
  const int parts = to_float32 ? parts_of(p.M, p.N, p.K) : 1;
  Work w;
  w.M = p.M, w.N = p.N, w.K = p.K, w.parts = parts;
  w.A = p.A, w.B = p.B, w.D = p.D;
  w.lda = p.lda, w.ldb = p.ldb, w.ldc = parts > 1 ? p.N : p.ldc;
  w.a_step = p.a_step, w.b_step = p.b_step, w.c_step = p.c_step;
  w.alpha = p.alpha, w.beta = parts > 1 ? 0 : p.beta;
  w.C = parts > 1 ? static_cast<void*>(workspace) : to_float32 ? static_cast<void*>(p.C32) : static_cast<void*>(p.C);
  // Where K lies along a row, a chunk of eight must not reach past it, and likewise for M or N.
  w.a_aligned = is_aligned(p.A, p.lda, p.a_step) && (p.form == Form::TN ? p.M : p.K) % 8 == 0;
  w.b_aligned = is_aligned(p.B, p.ldb, p.b_step) && (p.form == Form::NT ? p.K : p.N) % 8 == 0;
  const auto in_pairs = [&](const void* x) { return reinterpret_cast<uintptr_t>(x) % (to_float32 ? 8 : 4) == 0; };
  w.c_pairs = w.ldc % 2 == 0 && p.N % 2 == 0 && w.c_step % 2 == 0 && in_pairs(w.C) && in_pairs(w.D);

  const Extent grid{unsigned(blocks_for(p.N, tile)), unsigned(blocks_for(p.M, tile)), unsigned(p.batches * parts)};
  const auto start = [&](auto kernel) { launch(tape, "gemm", grid, {threads}, stages * stage_bytes, kernel, w); };
  if (to_float32) start(gemm_kernel<Form::TN, float>);
  else if (p.form == Form::NT) start(gemm_kernel<Form::NT, bf16>);
  else if (p.form == Form::NN) start(gemm_kernel<Form::NN, bf16>);
  else start(gemm_kernel<Form::TN, bf16>);
  if (parts > 1) {
    const long count = long(p.M) * p.N;
    launch(tape, "sum_parts", {unsigned(std::min(1024L, blocks_for(count, threads)))}, {threads}, 0, sum_parts_kernel,
           static_cast<const float*>(workspace), parts, p.N, count, p.beta, p.C32, p.ldc);
  }
}

}  // namespace swarm::cuda
