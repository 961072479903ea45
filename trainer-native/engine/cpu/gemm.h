// Matrix products. Every element of C is one chain acc = fma(a[k], b[k], acc) over k in order, starting at beta * C, so its
// bits depend neither on the tile that computed it nor on the width of a register.
// A block of B is copied once into panels of one tile's width that stay in the second-level cache; A is read in place (its rows
// are contiguous) or, when stored transposed, copied into strips of one tile's height. Rows of C are written from left to right.
// defines: tile, tile_rows, gemm, gram
#pragma once
#include "engine/cpu/kernels.h"
#include "engine/cpu/transpose.h"

namespace swarm::cpu {
namespace {

#if defined(__AVX512F__)
constexpr int kTileRows = 8, kTileLanes = 2;  // 16 of 32 registers hold C
#elif defined(__AVX2__)
constexpr int kTileRows = 6, kTileLanes = 1;  // 12 of 16
#else
constexpr int kTileRows = 4, kTileLanes = 1;
#endif
constexpr int kTileCols = 16 * kTileLanes;
constexpr int kBlockK = 512;           // one panel of B is 512 * 32 floats = 64 KiB
constexpr int kBlockB = 128 * 1024;  // floats of B copied at a time: 512 KiB
constexpr int kBlockM = 4 * kTileRows;  // rows of A whose strips are copied at a time

enum class Start { Zero, Continue, Scale };  // what a tile of C starts from: 0, C, beta * C

// C [R, 16 V] from A (element (r, k) at A[r * a_row + k * a_k], one of the two is 1) and B (row k at B + k * b_k).
template <int R, int V>
SWARM_INLINE void tile(int K, const float* A, long a_row, long a_k, const float* B, long b_k, float* C, long ldc, Start start, float beta) {
  V16 acc[R][V];
  for (int r = 0; r < R; r++)
    for (int v = 0; v < V; v++) acc[r][v] = start == Start::Zero ? zero() : load(C + r * ldc + 16 * v);
  if (start == Start::Scale)
    for (int r = 0; r < R; r++)
      for (int v = 0; v < V; v++) acc[r][v] = acc[r][v] * splat(beta);
  for (int k = 0; k < K; k++) {
    V16 b[V];
    for (int v = 0; v < V; v++) b[v] = load(B + 16 * v);
    for (int r = 0; r < R; r++) {
      const V16 a = splat(A[r * a_row]);
      for (int v = 0; v < V; v++) acc[r][v] = fma(a, b[v], acc[r][v]);
    }
    A += a_k;
    B += b_k;
  }
  for (int r = 0; r < R; r++)
    for (int v = 0; v < V; v++) store(C + r * ldc + 16 * v, acc[r][v]);
}

template <int R, int V>
[[gnu::noinline]] void tile_call(int K, const float* A, long a_row, long a_k, const float* B, long b_k, float* C, long ldc, Start start, float beta) {
  if (a_k == 1) tile<R, V>(K, A, a_row, 1, B, b_k, C, ldc, start, beta);
  else tile<R, V>(K, A, 1, a_k, B, b_k, C, ldc, start, beta);
}

// A tile of any height up to kTileRows.
template <int V>
SWARM_INLINE void tile_rows(int R, int K, const float* A, long a_row, long a_k, const float* B, long b_k, float* C, long ldc, Start start, float beta) {
  switch (R) {
#if defined(__AVX512F__)
    case 8: return tile_call<8, V>(K, A, a_row, a_k, B, b_k, C, ldc, start, beta);
    case 7: return tile_call<7, V>(K, A, a_row, a_k, B, b_k, C, ldc, start, beta);
#endif
#if defined(__AVX2__)
    case 6: return tile_call<6, V>(K, A, a_row, a_k, B, b_k, C, ldc, start, beta);
    case 5: return tile_call<5, V>(K, A, a_row, a_k, B, b_k, C, ldc, start, beta);
#endif
    case 4: return tile_call<4, V>(K, A, a_row, a_k, B, b_k, C, ldc, start, beta);
    case 3: return tile_call<3, V>(K, A, a_row, a_k, B, b_k, C, ldc, start, beta);
    case 2: return tile_call<2, V>(K, A, a_row, a_k, B, b_k, C, ldc, start, beta);
    case 1: return tile_call<1, V>(K, A, a_row, a_k, B, b_k, C, ldc, start, beta);
  }
}

// panel [K, kTileCols] = op(B)[k0.., j0..], columns past n are 0.
SWARM_INLINE void pack_rows_of_b(int K, int n, const float* B, long ldb, float* panel) {
  for (int k = 0; k < K; k++, B += ldb, panel += kTileCols)
    for (int v = 0; v < kTileLanes; v++) {
      const int left = n - 16 * v;
      store(panel + 16 * v, left >= 16 ? load(B + 16 * v) : left > 0 ? load_part(B + 16 * v, left) : zero());
    }
}
SWARM_INLINE void pack_columns_of_b(int K, int n, const float* B, long ldb, float* panel) {
  for (int j = 0; j < kTileCols; j += 16) {
    int k = 0;
    if (n - j >= 16)
      for (; k + 16 <= K; k += 16) transpose16(B + j * ldb + k, ldb, panel + k * kTileCols + j, kTileCols);
    for (; k < K; k++)
      for (int i = j; i < j + 16; i++) panel[k * kTileCols + i] = i < n ? B[i * ldb + k] : 0.0f;
  }
}
// S strips [K][kTileRows] side by side: several at a time use up the cache lines of A's rows before those are evicted.
template <int S>
SWARM_INLINE void pack_strips(int K, const float* A, long lda, float* strips) {
  for (int k = 0; k < K; k++, A += lda)
    for (int s = 0; s < S; s++)
      for (int r = 0; r < kTileRows; r++) strips[(s * K + k) * kTileRows + r] = A[s * kTileRows + r];
}
// strips [ceil(M / kTileRows)][K][kTileRows] = A^T, A stored [K, M]; rows past M are 0.
SWARM_INLINE void pack_a(int M, int K, const float* A, long lda, float* strips) {
  int i = 0;
  for (; i + 4 * kTileRows <= M; i += 4 * kTileRows) pack_strips<4>(K, A + i, lda, strips + i * K);
  for (; i + kTileRows <= M; i += kTileRows) pack_strips<1>(K, A + i, lda, strips + i * K);
  for (int k = 0; i < M && k < K; k++)
    for (int r = 0; r < kTileRows; r++) strips[i * K + k * kTileRows + r] = i + r < M ? A[k * lda + i + r] : 0.0f;
}

// One tile at the right edge, where C is narrower than the tile: through a full-width copy.
[[gnu::noinline]] void edge_tile(int R, int n, int K, const float* A, long a_row, long a_k, const float* panel, float* C, long ldc, Start start,
                                 float beta) {
  alignas(64) float full[kTileRows * kTileCols];
  for (int r = 0; r < R; r++)
    for (int j = 0; j < kTileCols; j++) full[r * kTileCols + j] = start == Start::Zero || j >= n ? 0.0f : C[r * ldc + j];
  tile_rows<kTileLanes>(R, K, A, a_row, a_k, panel, kTileCols, full, kTileCols, start, beta);
  for (int r = 0; r < R; r++)
    for (int j = 0; j < n; j++) C[r * ldc + j] = full[r * kTileCols + j];
}

// Panels of a block of B, copied once for all rows of C. Of a thread, not of a call: it is too large for some stacks. A tile
// that skips its first sixteen columns reads sixteen floats past its panel's end.
alignas(64) thread_local float panels[kBlockB + 16];

// panels = op(B)[k0.. k0+k, n0..n1).
SWARM_INLINE void pack_b(bool transposed, int k0, int k, int n0, int n1, int N, const float* B, long ldb) {
  for (int j0 = n0; j0 < n1; j0 += kTileCols) {
    const int n = N - j0 < kTileCols ? N - j0 : kTileCols;
    if (transposed) pack_columns_of_b(k, n, B + j0 * ldb + k0, ldb, panels + (j0 - n0) * k);
    else pack_rows_of_b(k, n, B + k0 * ldb + j0, ldb, panels + (j0 - n0) * k);
  }
}

// With `upper`, what lies left of the sixteens on the diagonal is left alone.
SWARM_INLINE void product(Form form, int M, int N, int K, const float* A, long lda, const float* B, long ldb, float beta, float* C, long ldc,
                          bool upper) {
  alignas(64) float strips[kBlockM * kBlockK];
  const bool a_transposed = form == Form::TN || form == Form::TT, b_transposed = form == Form::NT || form == Form::TT;
  const int height = a_transposed ? kBlockM : kTileRows;
  for (int k0 = 0; k0 == 0 || k0 < K; k0 += kBlockK) {
    const int k = K - k0 < kBlockK ? K - k0 : kBlockK;
    const Start start = k0 > 0 || beta == 1.0f ? Start::Continue : beta == 0.0f ? Start::Zero : Start::Scale;
    const int block = kBlockB / (k > 0 ? k : 1) / kTileCols * kTileCols;
    for (int n0 = 0; n0 < N; n0 += block) {
      const int n1 = N - n0 < block ? N : n0 + block;
      pack_b(b_transposed, k0, k, n0, n1, N, B, ldb);
      for (int i0 = 0; i0 < M; i0 += height) {
        const int m = M - i0 < height ? M - i0 : height;
        if (a_transposed) pack_a(m, k, A + k0 * lda + i0, lda, strips);
        for (int j0 = n0; j0 < n1; j0 += kTileCols) {
          const int n = N - j0 < kTileCols ? N - j0 : kTileCols;
          for (int i = 0; i < m && !(upper && i0 + i >= j0 + n); i += kTileRows) {
            const int rows = m - i < kTileRows ? m - i : kTileRows, skip = upper && i0 + i > j0 ? (i0 + i - j0) / 16 * 16 : 0;
            const float* a = a_transposed ? strips + i * k : A + (i0 + i) * lda + k0;
            const long a_row = a_transposed ? 1 : lda, a_k = a_transposed ? kTileRows : 1;
            const float* panel = panels + (j0 - n0) * k + skip;
            float* c = C + (i0 + i) * ldc + j0 + skip;
            if (n < kTileCols) edge_tile(rows, n - skip, k, a, a_row, a_k, panel, c, ldc, start, beta);
            else if (skip > 0) tile_rows<1>(rows, k, a, a_row, a_k, panel, kTileCols, c, ldc, start, beta);
            else tile_rows<kTileLanes>(rows, k, a, a_row, a_k, panel, kTileCols, c, ldc, start, beta);
          }
        }
      }
    }
  }
}

void gemm(Form form, int M, int N, int K, const float* A, long lda, const float* B, long ldb, float beta, float* C, long ldc) {
  product(form, M, N, K, A, lda, B, ldb, beta, C, ldc, false);
}

// fma(a, b, c) is fma(b, a, c), so the lower triangle is a copy of the upper.
void gram(Form form, int M, int K, const float* A, long lda, float* C, long ldc) {
  product(form, M, M, K, A, lda, A, lda, 0.0f, C, ldc, true);
  for (int i = 0; i < M; i += 16)
    for (int j = 0; j <= i; j += 16) {
      if (j < i && M - i >= 16) {
        transpose16(C + j * ldc + i, ldc, C + i * ldc + j, ldc);
        continue;
      }
      for (int r = i; r < M && r < i + 16; r++)
        for (int c = j; c < r && c < j + 16; c++) C[r * ldc + c] = C[c * ldc + r];
    }
}

}  // namespace
}  // namespace swarm::cpu
