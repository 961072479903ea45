// Matrix products. Every element of C is one chain acc = fma(a[k], b[k], acc) over k in order, starting at beta * C, so its
// bits depend neither on the tile that computed it nor on the width of a register.
// A block of B is copied into panels of one tile's width that stay in the second-level cache; A is read in place (its rows are
// contiguous) or, when stored transposed, copied into strips of one tile's height. Where rows are copied as they stand, the first
// tile that needs them copies them while it multiplies: its multiplications hide what fetching them costs.
// defines: tile, tile_rows, gemm, gram
#pragma once
#include <type_traits>

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
constexpr int kBlockK = 512;         // terms at a time where A is read in place: a panel of B is 512 * 32 floats = 64 KiB
constexpr int kBlockStripK = 256;    // where A is copied: panel and strip fit into the first-level cache
constexpr int kBlockB = 128 * 1024;  // floats of B copied at a time: 512 KiB
constexpr int kBlockM = 8 * kTileRows;  // rows of C that go over a panel while it is near

enum class Start { Zero, Continue, Scale };  // what a tile of C starts from: 0, C, beta * C

// f(0), .. f(N - 1), each a constant: g++ 12 keeps an array in registers only where every index is one from the start.
template <int N, class Function>
SWARM_INLINE void unrolled(Function f) {
  if constexpr (N > 0) {
    unrolled<N - 1>(f);
    f(std::integral_constant<int, N - 1>{});
  }
}
#define SWARM_EACH(i) [&](auto i) __attribute__((always_inline))

// C [R, 16 V] from A (element (r, k) at A[r * a_row + k * a_k], one of the two is 1) and B (row k at B + k * b_k).
// strip: where to copy those columns of A to, as [K][R]; panel: where to copy those rows of B to, as [K][16 V]; null: nowhere.
template <int R, int V, bool CopyA, bool CopyB>
SWARM_INLINE void tile(int K, const float* A, long a_row, long a_k, const float* B, long b_k, float* C, long ldc, Start start, float beta, float* strip,
                       float* panel) {
  V16 acc[R][V];
  if (start == Start::Zero) unrolled<R>(SWARM_EACH(r) { unrolled<V>(SWARM_EACH(v) { acc[r][v] = zero(); }); });
  else unrolled<R>(SWARM_EACH(r) { unrolled<V>(SWARM_EACH(v) { acc[r][v] = load(C + r * ldc + 16 * v); }); });
  if (start == Start::Scale) unrolled<R>(SWARM_EACH(r) { unrolled<V>(SWARM_EACH(v) { acc[r][v] = acc[r][v] * splat(beta); }); });
  // The tile below is next to be added to, and its chains cannot begin before it is here.
  if (start != Start::Zero)
    unrolled<R>(SWARM_EACH(r) { unrolled<V>(SWARM_EACH(v) { __builtin_prefetch(C + (R + r) * ldc + 16 * v, 1); }); });
  for (int k = 0; k < K; k++) {
    V16 b[V];
    unrolled<V>(SWARM_EACH(v) { b[v] = load(B + 16 * v); });
    if (CopyA) __builtin_memcpy(strip + k * R, A, R * sizeof(float));
    if (CopyB) unrolled<V>(SWARM_EACH(v) { store(panel + (k * V + v) * 16, b[v]); });
    unrolled<R>(SWARM_EACH(r) {
      const V16 a = splat(A[r * a_row]);
      unrolled<V>(SWARM_EACH(v) { acc[r][v] = fma(a, b[v], acc[r][v]); });
    });
    A += a_k;
    B += b_k;
  }
  unrolled<R>(SWARM_EACH(r) { unrolled<V>(SWARM_EACH(v) { store(C + r * ldc + 16 * v, acc[r][v]); }); });
}

template <int R, int V>
[[gnu::noinline]] void tile_call(int K, const float* A, long a_row, long a_k, const float* B, long b_k, float* C, long ldc, Start start, float beta) {
  if (a_k == 1) tile<R, V, false, false>(K, A, a_row, 1, B, b_k, C, ldc, start, beta, nullptr, nullptr);
  else tile<R, V, false, false>(K, A, 1, a_k, B, b_k, C, ldc, start, beta, nullptr, nullptr);
}

// A whole tile that copies as it goes: A into a strip if it is stored transposed, B into a panel.
template <bool CopyA, bool CopyB>
[[gnu::noinline]] void copying_tile(int K, const float* A, long a_row, long a_k, const float* B, long b_k, float* C, long ldc, Start start, float beta,
                                    float* strip, float* panel) {
  if (!CopyA && a_k == 1) tile<kTileRows, kTileLanes, CopyA, CopyB>(K, A, a_row, 1, B, b_k, C, ldc, start, beta, strip, panel);
  else tile<kTileRows, kTileLanes, CopyA, CopyB>(K, A, 1, a_k, B, b_k, C, ldc, start, beta, strip, panel);
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
// strip [K][kTileRows] = R columns of A, stored [K, M].
SWARM_INLINE void pack_strip(int R, int K, const float* A, long lda, float* strip) {
  for (int k = 0; k < K; k++)
    for (int r = 0; r < R; r++) strip[k * kTileRows + r] = A[k * lda + r];
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

// With `upper`, what lies left of the sixteens on the diagonal is left alone.
SWARM_INLINE void product(Form form, int M, int N, int K, const float* A, long lda, const float* B, long ldb, float beta, float* C, long ldc,
                          bool upper) {
  alignas(64) float strips[kBlockM * kBlockStripK];
  const bool a_transposed = form == Form::TN || form == Form::TT, b_transposed = form == Form::NT || form == Form::TT;
  const int block_k = a_transposed ? kBlockStripK : kBlockK;
  const long a_row = a_transposed ? 1 : lda, a_k = a_transposed ? lda : 1;
  for (int k0 = 0; k0 == 0 || k0 < K; k0 += block_k) {
    const int k = K - k0 < block_k ? K - k0 : block_k;
    const Start start = k0 > 0 || beta == 1.0f ? Start::Continue : beta == 0.0f ? Start::Zero : Start::Scale;
    const int block = kBlockB / (k > 0 ? k : 1) / kTileCols * kTileCols;
    for (int n0 = 0; n0 < N; n0 += block)
      for (int i0 = 0; i0 < M; i0 += kBlockM)
        for (int j0 = n0; j0 < N && j0 < n0 + block; j0 += kTileCols) {
          const int n = N - j0 < kTileCols ? N - j0 : kTileCols;
          float* panel = panels + (j0 - n0) * k;
          for (int i = i0; i < M && i < i0 + kBlockM && !(upper && i >= j0 + n); i += kTileRows) {
            const int rows = M - i < kTileRows ? M - i : kTileRows, skip = upper && i > j0 ? (i - j0) / 16 * 16 : 0;
            const bool whole = rows == kTileRows && n == kTileCols && skip == 0;
            // Who comes first to a panel or a strip makes it.
            const bool new_panel = i == 0, new_strip = a_transposed && (j0 == n0 || (upper && i >= j0));
            float* strip = strips + (i - i0) * k;
            const float *a = A + i * a_row + k0 * a_k, *b = B + k0 * ldb + j0;
            float* c = C + i * ldc + j0 + skip;
            if (new_panel && b_transposed) pack_columns_of_b(k, n, B + j0 * ldb + k0, ldb, panel);
            else if (new_panel && !whole) pack_rows_of_b(k, n, b, ldb, panel);
            if (new_strip && !whole) pack_strip(rows, k, a, lda, strip);
            const bool copies_a = new_strip && whole, copies_b = new_panel && whole && !b_transposed, from_strip = a_transposed && !copies_a;
            const float* from = from_strip ? strip : a;
            const long next = from_strip ? kTileRows : a_k;
            if (copies_a && copies_b) copying_tile<true, true>(k, from, a_row, next, b, ldb, c, ldc, start, beta, strip, panel);
            else if (copies_a) copying_tile<true, false>(k, from, a_row, next, panel, kTileCols, c, ldc, start, beta, strip, nullptr);
            else if (copies_b) copying_tile<false, true>(k, from, a_row, next, b, ldb, c, ldc, start, beta, nullptr, panel);
            else if (n < kTileCols) edge_tile(rows, n - skip, k, from, a_row, next, panel + skip, c, ldc, start, beta);
            else if (skip > 0) tile_rows<1>(rows, k, from, a_row, next, panel + skip, kTileCols, c, ldc, start, beta);
            else tile_rows<kTileLanes>(rows, k, from, a_row, next, panel, kTileCols, c, ldc, start, beta);
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
