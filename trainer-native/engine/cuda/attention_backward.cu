// Backward of attention.cu: scores are computed again. A block takes 64 queries and walks the tiles of keys their window touches, or 64 keys
// and walks the queries that see them; nobody else writes its rows.
#include "engine/cuda/attention.h"

#include "engine/cuda/attention_tile.h"
#include "engine/cuda/launch.h"

namespace swarm::cuda {
namespace {

// What backward needs of a query beside its row: its lse in units of log2, and o . dout. [rows, heads, T]
struct alignas(8) QueryNumbers {
  float log_sum, through;
};

// dq of 64 queries, and the numbers of each.
template <int D>
__global__ void __launch_bounds__(attention_threads, 2) attention_dq_kernel(Attention a, const bf16* q, const bf16* k, const bf16* v, const bf16* o, const bf16* dout,
                                                                           const float* lse, QueryNumbers* numbers, bool add, bf16* dq) {
  constexpr int tile_bytes = keys * D * 2;
  char *Q = shared_memory(), *dO = Q + block_rows * D * 2, *KV = dO + block_rows * D * 2;  // two stages of K and V
  const int head = blockIdx.y, row = blockIdx.z, kv_head = head / (a.heads / a.kv_heads), lane = threadIdx.x % warp;
  const int first = (gridDim.x - 1 - blockIdx.x) * block_rows, mine = threadIdx.x / warp * warp_rows;
  const long stride = long(a.heads) * D, kv_stride = long(a.kv_heads) * D, start = head_start(a, row, a.heads, head),
             kv_start = head_start(a, row, a.kv_heads, kv_head);
  const Span span = keys_seen(a, first, block_rows);
  const auto load = [&](int tile) {
    if (tile < span.end) {
      char* stage = KV + (tile - span.begin) % 2 * 2 * tile_bytes;
      load_rows<D, keys>(stage, k + kv_start, kv_stride, tile * keys, a.T);
      load_rows<D, keys>(stage + tile_bytes, v + kv_start, kv_stride, tile * keys, a.T);
    }
    copy_async_commit();
  };
  load_rows<D, block_rows>(Q, q + start, stride, first, a.T);
  load_rows<D, block_rows>(dO, dout + start, stride, first, a.T);
  load(span.begin);
  QueryNumbers mine_of[2] = {};
  const float scale = a.scale * log2e;
#pragma unroll
  for (int half = 0; half < 2; half++) {  // four lanes a query
    const int query = first + mine + half * 8 + lane / 4;
    const long at = start + query * stride;
    float through = 0;
    if (query < a.T)
#pragma unroll
      for (int d = lane % 4 * 8; d < D; d += 32) {
        const Eight x = *reinterpret_cast<const Eight*>(o + at + d), y = *reinterpret_cast<const Eight*>(dout + at + d);
#pragma unroll
        for (int i = 0; i < 8; i++) through += to_float(x.x[i]) * to_float(y.x[i]);
      }
    through += shuffle_xor(through, 1);
    through += shuffle_xor(through, 2);
    if (query >= a.T) continue;
    mine_of[half] = {lse[(long(row) * a.T + query) * a.heads + head] * log2e, through};
    if (lane % 4 == 0) numbers[(long(row) * a.heads + head) * a.T + query] = mine_of[half];
  }
  float out[D / 8][4] = {};
  for (int tile = span.begin; tile < span.end; tile++) {
    __syncthreads();  // the other stage has been read by all
    load(tile + 1);
    arrive<D, 1>();
    const char* stage = KV + (tile - span.begin) % 2 * 2 * tile_bytes;
    float s[keys / 8][4], slope[keys / 8][4];
    start_transposed<D, keys>(s, Q, stage);
    start_transposed<D, keys>(slope, dO, stage + tile_bytes);
    end<D, 1>(s);
#pragma unroll
    for (int n = 0; n < keys / 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) s[n][e] = exp2_fast(s[n][e] * scale - mine_of[e / 2].log_sum);
    if (!see_all(a, first + mine, warp_rows, tile * keys, keys)) {
      __syncwarp();  // so that no compiler looks at every number of every tile
#pragma unroll
      for (int n = 0; n < keys / 8; n++)
#pragma unroll
        for (int e = 0; e < 4; e++)
          if (!sees(a, first + mine + e / 2 * 8 + lane / 4, tile * keys + n * 8 + lane % 4 * 2 + e % 2)) s[n][e] = 0;
    }
    end<D, 0>(slope);
#pragma unroll
    for (int n = 0; n < keys / 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) slope[n][e] = s[n][e] * (slope[n][e] - mine_of[e / 2].through);
    start_sum<D, keys>(out, slope, stage);
    end<D, 0>(out);
  }
#pragma unroll
  for (int d = 0; d < D / 8; d++)
#pragma unroll
    for (int e = 0; e < 4; e++) out[d][e] *= a.scale;
  store_rows<D>(dq + start, stride, first + mine, a.T, out, add);
}

// dk and dv of 64 keys: scores and slopes are computed transposed, so that both stay in registers as the left side of a product.
template <int D>
__global__ void __launch_bounds__(attention_threads, 2) attention_dkv_kernel(Attention a, const bf16* q, const bf16* k, const bf16* v, const bf16* dout,
                                                                            const QueryNumbers* numbers, bool add_k, bool add_v, bf16* dk, bf16* dv) {
  constexpr int part = D == 128 && !by_warpgroup<D> ? 32 : 64;  // queries at once: what registers suffice for
  constexpr int tile_bytes = queries * D * 2;
  char *K = shared_memory(), *V = K + block_rows * D * 2, *QdO = V + block_rows * D * 2;  // two stages of Q and dO
  QueryNumbers* const numbers_of = reinterpret_cast<QueryNumbers*>(QdO + 4 * tile_bytes);  // and of these
  const int kv_head = blockIdx.y, row = blockIdx.z, shared_by = a.heads / a.kv_heads, lane = threadIdx.x % warp;
  const int first = blockIdx.x * block_rows, mine = threadIdx.x / warp * warp_rows;
  const long stride = long(a.heads) * D, kv_stride = long(a.kv_heads) * D, kv_start = head_start(a, row, a.kv_heads, kv_head);
  const float scale = a.scale * log2e;
  const int begin = first / queries, end_of = min(a.T - 1, min(a.T, first + block_rows) - 1 + min(a.window, a.T)) / queries + 1;
  const int last_head = (kv_head + 1) * shared_by - 1;
  const auto load = [&](int head, int tile, int at) {
    if (head <= last_head) {
      char* to = QdO + at * 2 * tile_bytes;
      load_rows<D, queries, part>(to, q + head_start(a, row, a.heads, head), stride, tile * queries, a.T);
      load_rows<D, queries, part>(to + tile_bytes, dout + head_start(a, row, a.heads, head), stride, tile * queries, a.T);
      const int i = threadIdx.x;
      if (i < queries) copy_async8(numbers_of + at * queries + i, numbers + (long(row) * a.heads + head) * a.T + tile * queries + i, tile * queries + i < a.T);
    }
    copy_async_commit();
  };
  load_rows<D, block_rows>(K, k + kv_start, kv_stride, first, a.T);
  load_rows<D, block_rows>(V, v + kv_start, kv_stride, first, a.T);
  int head = kv_head * shared_by, tile = begin, at = 0;
  load(head, tile, at);
  float out_k[D / 8][4] = {}, out_v[D / 8][4] = {};
  while (head <= last_head) {
    const int next_tile = tile + 1 < end_of ? tile + 1 : begin, next_head = tile + 1 < end_of ? head : head + 1;
    __syncthreads();  // the other stage has been read by all
    load(next_head, next_tile, at ^ 1);
    arrive<D, 1>();
    const char* stage = QdO + at * 2 * tile_bytes;
#pragma unroll 1
    for (int from = 0; from < queries; from += part) {
      const char *Q = stage + from * D * 2, *dO = Q + tile_bytes;
      const QueryNumbers* const of = numbers_of + at * queries + from;
      const int query = tile * queries + from;
      float p[part / 8][4], slope[part / 8][4];
      start_transposed<D, part>(p, K, Q);
      start_transposed<D, part>(slope, V, dO);
      end<D, 1>(p);
#pragma unroll
      for (int n = 0; n < part / 8; n++)
#pragma unroll
        for (int e = 0; e < 4; e++) p[n][e] = exp2_fast(p[n][e] * scale - of[n * 8 + lane % 4 * 2 + e % 2].log_sum);
      if (query + part > a.T || !see_all(a, query, part, first + mine, warp_rows)) {
        __syncwarp();
#pragma unroll
        for (int n = 0; n < part / 8; n++)
#pragma unroll
          for (int e = 0; e < 4; e++) {
            const int i = query + n * 8 + lane % 4 * 2 + e % 2;
            if (i >= a.T || !sees(a, i, first + mine + e / 2 * 8 + lane / 4)) p[n][e] = 0;
          }
      }
      start_sum<D, part>(out_v, p, dO);
      end<D, 1>(slope);
#pragma unroll
      for (int n = 0; n < part / 8; n++)
#pragma unroll
        for (int e = 0; e < 4; e++) slope[n][e] = p[n][e] * (slope[n][e] - of[n * 8 + lane % 4 * 2 + e % 2].through);
      start_sum<D, part>(out_k, slope, Q);
      end<D, 0>(out_v, out_k);
    }
    head = next_head, tile = next_tile, at ^= 1;
  }
#pragma unroll
  for (int d = 0; d < D / 8; d++)
#pragma unroll
    for (int e = 0; e < 4; e++) out_k[d][e] *= a.scale;
  store_rows<D>(dk + kv_start, kv_stride, first + mine, a.T, out_k, add_k);
  store_rows<D>(dv + kv_start, kv_stride, first + mine, a.T, out_v, add_v);
}

template <int D>
void record_backward(Tape& tape, const Attention& a, const bf16* q, const bf16* k, const bf16* v, const bf16* o, const bf16* dout, const float* lse,
                     const bool add[3], bf16* dq, bf16* dk, bf16* dv, float* scratch) {
  const unsigned tiles = unsigned(blocks_for(a.T, block_rows));
  const Extent block{attention_threads};
  QueryNumbers* const made = reinterpret_cast<QueryNumbers*>(scratch);
  const QueryNumbers* const numbers = made;
  launch(tape, "attention_dq", {tiles, unsigned(a.heads), unsigned(a.rows)}, block, (2 * block_rows + 4 * keys) * D * 2, attention_dq_kernel<D>, a, q, k, v, o, dout,
         lse, made, add[0], dq);
  launch(tape, "attention_dkv", {tiles, unsigned(a.kv_heads), unsigned(a.rows)}, block, (2 * block_rows + 4 * queries) * D * 2 + 2 * queries * sizeof(QueryNumbers),
         attention_dkv_kernel<D>, a, q, k, v, dout, numbers, add[1], add[2], dk, dv);
}

}  // namespace

void attention_backward(Tape& tape, const Attention& a, const bf16* q, const bf16* k, const bf16* v, const bf16* o, const bf16* dout, const float* lse,
                        const bool add[3], bf16* dq, bf16* dk, bf16* dv, float* scratch) {
  with_head_dim(a.head_dim, [&](auto D) { record_backward<D()>(tape, a, q, k, v, o, dout, lse, add, dq, dk, dv, scratch); });
}

}  // namespace swarm::cuda
