// FlashAttention-2's scheme (Dao 2023) for sm_80 and later, forward: scores live in registers only, and one number a query is kept for backward.
#include "engine/cuda/attention.h"

#include "engine/cuda/attention_tile.h"
#include "engine/cuda/launch.h"

namespace swarm::cuda {
namespace {

// The next tile's scores become probabilities while this tile's values are summed (as FlashAttention-3 does, Shah et al. 2024).
template <int D>
__global__ void __launch_bounds__(attention_threads, 2) attention_kernel(Attention a, const bf16* q, const bf16* k, const bf16* v, bf16* o, float* lse) {
  constexpr int tile_bytes = keys * D * 2;
  char *Q = shared_memory(), *K = Q + block_rows * D * 2, *V = K + 2 * tile_bytes;  // two stages of each
  const int head = blockIdx.y, row = blockIdx.z, kv_head = head / (a.heads / a.kv_heads), lane = threadIdx.x % warp;
  const int first = (gridDim.x - 1 - blockIdx.x) * block_rows, mine = threadIdx.x / warp * warp_rows;  // longest spans first
  const long stride = long(a.heads) * D, kv_stride = long(a.kv_heads) * D, kv_start = head_start(a, row, a.kv_heads, kv_head);
  const Span span = keys_seen(a, first, block_rows);
  const auto stage = [&](char* ring, int tile) { return ring + (tile - span.begin) % 2 * tile_bytes; };
  const auto load = [&](char* ring, const bf16* x, int tile) {
    if (tile < span.end) load_rows<D, keys>(stage(ring, tile), x + kv_start, kv_stride, tile * keys, a.T);
  };
  load_rows<D, block_rows>(Q, q + head_start(a, row, a.heads, head), stride, first, a.T);
  load(K, k, span.begin);
  copy_async_commit();
  load(K, k, span.begin + 1);
  load(V, v, span.begin);
  copy_async_commit();

  const float scale = fabsf(a.scale) * log2e;
  float out[D / 8][4] = {}, s[keys / 8][4];  // s: scores, then probabilities
  float top[2] = {-INFINITY, -INFINITY}, sum[2] = {0, 0}, shrink[2];  // of queries mine + lane / 4 and eight further
  const auto exponentiate = [&](int tile) {
    if (a.scale < 0 || !see_all(a, first + mine, warp_rows, tile * keys, keys)) {
      __syncwarp();  // so that no compiler looks at every number of every tile
#pragma unroll
      for (int n = 0; n < keys / 8; n++)
#pragma unroll
        for (int e = 0; e < 4; e++) {
          const bool seen = sees(a, first + mine + e / 2 * 8 + lane / 4, tile * keys + n * 8 + lane % 4 * 2 + e % 2);
          s[n][e] = !seen ? -INFINITY : a.scale < 0 ? -s[n][e] : s[n][e];
        }
    }
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float highest = top[half];
#pragma unroll
      for (int n = 0; n < keys / 8; n++) highest = fmaxf(highest, fmaxf(s[n][half * 2], s[n][half * 2 + 1]));
      highest = fmaxf(highest, shuffle_xor(highest, 1));
      highest = fmaxf(highest, shuffle_xor(highest, 2));
      const float base = highest == -INFINITY ? 0 : highest * scale;
      shrink[half] = exp2_fast(fmaf(top[half], scale, -base));
      float total = 0;
#pragma unroll
      for (int n = 0; n < keys / 8; n++)
#pragma unroll
        for (int e = 0; e < 2; e++) total += s[n][half * 2 + e] = exp2_fast(fmaf(s[n][half * 2 + e], scale, -base));
      top[half] = highest;
      sum[half] = sum[half] * shrink[half] + total;
    }
  };
  arrive<D, 1>();
  start_transposed<D, keys>(s, Q, stage(K, span.begin));
  end<D, 0>(s);
  exponentiate(span.begin);
  for (int tile = span.begin; tile < span.end; tile++) {
    arrive<D, 0>();  // this tile's values and the next one's keys; and all have done with what comes next
    load(K, k, tile + 2);
    load(V, v, tile + 1);
    copy_async_commit();
    const bool more = tile + 1 < span.end;
    const char* const next_keys = stage(K, more ? tile + 1 : tile);
    if constexpr (by_warpgroup<D>) {
      float next[keys / 8][4];
      start_transposed<D, keys>(next, Q, next_keys);
      start_sum<D, keys>(out, s, stage(V, tile));
      end<D, 1>(next);
#pragma unroll
      for (int n = 0; n < keys / 8; n++)
#pragma unroll
        for (int e = 0; e < 4; e++) s[n][e] = next[n][e];
    } else {
      start_sum<D, keys>(out, s, stage(V, tile));
      start_transposed<D, keys>(s, Q, next_keys);
    }
    if (more) exponentiate(tile + 1);
    end<D, 0>(out);
    if (more) {
#pragma unroll
      for (int d = 0; d < D / 8; d++)
#pragma unroll
        for (int e = 0; e < 4; e++) out[d][e] *= shrink[e / 2];
    }
  }
#pragma unroll
  for (int half = 0; half < 2; half++) {
    float total = sum[half] + shuffle_xor(sum[half], 1);
    total += shuffle_xor(total, 2);
    const int query = first + mine + half * 8 + lane / 4;
    if (lane % 4 == 0 && query < a.T) lse[(long(row) * a.T + query) * a.heads + head] = (top[half] * scale + log2f(total)) / log2e;
    const float inverse = 1 / total;
#pragma unroll
    for (int d = 0; d < D / 8; d++) out[d][half * 2] *= inverse, out[d][half * 2 + 1] *= inverse;
  }
  store_rows<D>(o + head_start(a, row, a.heads, head), stride, first + mine, a.T, out, false);
}

template <int D>
void record_forward(Tape& tape, const Attention& a, const bf16* q, const bf16* k, const bf16* v, bf16* o, float* lse) {
  const Extent grid{unsigned(blocks_for(a.T, block_rows)), unsigned(a.heads), unsigned(a.rows)};
  launch(tape, "attention", grid, {attention_threads}, (block_rows + 4 * keys) * D * 2, attention_kernel<D>, a, q, k, v, o, lse);
}

}  // namespace

bool has_attention_kernel(int head_dim) { return head_dim == 32 || head_dim == 64 || head_dim == 128; }

void attention(Tape& tape, const Attention& a, const bf16* q, const bf16* k, const bf16* v, bf16* o, float* lse) {
  with_head_dim(a.head_dim, [&](auto D) { record_forward<D()>(tape, a, q, k, v, o, lse); });
}

}  // namespace swarm::cuda
