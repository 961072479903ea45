// FlashAttention-2's scheme (Dao 2023) for sm_80 and later: scores live in registers only, forward keeps one number a query, and
// backward computes them again. A block takes 64 queries and walks the tiles of keys its window touches, or 64 keys and walks the
// queries that see them; nobody else writes its rows.
#include "engine/cuda/attention.h"

#include <stdexcept>

#include "engine/cuda/attention_tile.h"
#include "engine/cuda/launch.h"

namespace swarm::cuda {
namespace {

constexpr int keys = 64;  // of a tile

// The tiles of `size` keys that queries first .. first + count - 1 look at.
struct Span {
  int begin, end;
};
__device__ inline Span keys_seen(const Attention& a, int first, int count, int size) {
  return {max(0, first - a.window) / size, (min(a.T, first + count) + size - 1) / size};
}

template <int D>
__global__ void __launch_bounds__(attention_threads) attention_kernel(Attention a, const bf16* q, const bf16* k, const bf16* v, bf16* o, float* lse) {
  constexpr int tile_bytes = keys * D * 2;
  char *Q = shared_memory(), *KV = Q + block_rows * D * 2;  // two stages of K and V
  const int head = blockIdx.y, row = blockIdx.z, kv_head = head / (a.heads / a.kv_heads), lane = threadIdx.x % warp;
  const int first = (gridDim.x - 1 - blockIdx.x) * block_rows, mine = threadIdx.x / warp * warp_rows;  // longest spans first
  const long stride = long(a.heads) * D, kv_stride = long(a.kv_heads) * D, kv_start = head_start(a, row, a.kv_heads, kv_head);
  const Span span = keys_seen(a, first, block_rows, keys);

  const auto load = [&](int tile) {
    if (tile < span.end) {
      char* stage = KV + (tile - span.begin) % 2 * 2 * tile_bytes;
      load_rows<D, keys>(stage, k + kv_start, kv_stride, tile * keys, a.T);
      load_rows<D, keys>(stage + tile_bytes, v + kv_start, kv_stride, tile * keys, a.T);
    }
    copy_async_commit();
  };
  load_rows<D, block_rows>(Q, q + head_start(a, row, a.heads, head), stride, first, a.T);
  load(span.begin);

  float out[D / 8][4] = {};
  float top[2] = {-INFINITY, -INFINITY}, sum[2] = {0, 0};  // of queries mine + lane / 4 and eight further; in units of log2
  const float scale = a.scale * log2e;
  for (int tile = span.begin; tile < span.end; tile++) {
    __syncthreads();  // the other stage has been read by all
    load(tile + 1);
    copy_async_wait<1>();
    __syncthreads();
    const char* stage = KV + (tile - span.begin) % 2 * 2 * tile_bytes;
    float s[keys / 8][4];
    times_transposed<D, keys>(s, Q, mine, stage);
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int query = first + mine + half * 8 + lane / 4;
      float highest = top[half];
#pragma unroll
      for (int n = 0; n < keys / 8; n++)
#pragma unroll
        for (int e = 0; e < 2; e++) {
          float& x = s[n][half * 2 + e];
          x = sees(a, query, tile * keys + n * 8 + lane % 4 * 2 + e) ? x * scale : -INFINITY;
          highest = fmaxf(highest, x);
        }
      highest = fmaxf(highest, shuffle_xor(highest, 1));
      highest = fmaxf(highest, shuffle_xor(highest, 2));
      const float base = highest == -INFINITY ? 0 : highest, shrink = exp2_fast(top[half] - base);
      float total = 0;
#pragma unroll
      for (int n = 0; n < keys / 8; n++)
#pragma unroll
        for (int e = 0; e < 2; e++) total += s[n][half * 2 + e] = exp2_fast(s[n][half * 2 + e] - base);
      top[half] = highest;
      sum[half] = sum[half] * shrink + total;
#pragma unroll
      for (int d = 0; d < D / 8; d++) out[d][half * 2] *= shrink, out[d][half * 2 + 1] *= shrink;
    }
    times<D, keys>(out, s, stage + tile_bytes);
  }
#pragma unroll
  for (int half = 0; half < 2; half++) {
    float total = sum[half] + shuffle_xor(sum[half], 1);
    total += shuffle_xor(total, 2);
    const int query = first + mine + half * 8 + lane / 4;
    if (lane % 4 == 0 && query < a.T) lse[(long(row) * a.T + query) * a.heads + head] = (top[half] + log2f(total)) / log2e;
    const float inverse = 1 / total;
#pragma unroll
    for (int d = 0; d < D / 8; d++) out[d][half * 2] *= inverse, out[d][half * 2 + 1] *= inverse;
  }
  store_rows<D>(o + head_start(a, row, a.heads, head), stride, first + mine, a.T, out, false);
}

// through [N, heads] = o . dout of each query and head: one warp each.
template <int D>
__global__ void through_sum_kernel(long items, const bf16* o, const bf16* dout, float* through) {
  const long item = (long(blockIdx.x) * blockDim.x + threadIdx.x) / warp;
  if (item >= items) return;
  float sum = 0;
  for (int d = threadIdx.x % warp; d < D; d += warp) sum += to_float(o[item * D + d]) * to_float(dout[item * D + d]);
  sum = warp_sum(sum);
  if (threadIdx.x % warp == 0) through[item] = sum;
}

// dq of 64 queries.
template <int D>
__global__ void __launch_bounds__(attention_threads) attention_dq_kernel(Attention a, const bf16* q, const bf16* k, const bf16* v, const bf16* dout,
                                                                         const float* lse, const float* through, bool add, bf16* dq) {
  char *Q = shared_memory(), *dO = Q + block_rows * D * 2, *K = dO + block_rows * D * 2, *V = K + keys * D * 2;
  const int head = blockIdx.y, row = blockIdx.z, kv_head = head / (a.heads / a.kv_heads), lane = threadIdx.x % warp;
  const int first = (gridDim.x - 1 - blockIdx.x) * block_rows, mine = threadIdx.x / warp * warp_rows;
  const long stride = long(a.heads) * D, kv_stride = long(a.kv_heads) * D, start = head_start(a, row, a.heads, head),
             kv_start = head_start(a, row, a.kv_heads, kv_head);
  const Span span = keys_seen(a, first, block_rows, keys);
  load_rows<D, block_rows>(Q, q + start, stride, first, a.T);
  load_rows<D, block_rows>(dO, dout + start, stride, first, a.T);
  float log_sum[2] = {}, dot[2] = {};
  for (int half = 0; half < 2; half++) {
    const int query = first + mine + half * 8 + lane / 4;
    if (query >= a.T) continue;
    log_sum[half] = lse[(long(row) * a.T + query) * a.heads + head] * log2e;
    dot[half] = through[(long(row) * a.T + query) * a.heads + head];
  }
  float out[D / 8][4] = {};
  for (int tile = span.begin; tile < span.end; tile++) {
    load_rows<D, keys>(K, k + kv_start, kv_stride, tile * keys, a.T);
    load_rows<D, keys>(V, v + kv_start, kv_stride, tile * keys, a.T);
    copy_async_commit();
    copy_async_wait<0>();
    __syncthreads();
    float s[keys / 8][4], slope[keys / 8][4];
    times_transposed<D, keys>(s, Q, mine, K);
    times_transposed<D, keys>(slope, dO, mine, V);
#pragma unroll
    for (int n = 0; n < keys / 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) {
        const int query = first + mine + e / 2 * 8 + lane / 4, key = tile * keys + n * 8 + lane % 4 * 2 + e % 2;
        const float p = sees(a, query, key) ? exp2_fast(s[n][e] * (a.scale * log2e) - log_sum[e / 2]) : 0;
        slope[n][e] = p * (slope[n][e] - dot[e / 2]) * a.scale;
      }
    times<D, keys>(out, slope, K);
    __syncthreads();  // before K and V are overwritten
  }
  store_rows<D>(dq + start, stride, first + mine, a.T, out, add);
}

// dk and dv of 64 keys: scores and slopes are computed transposed, so that both stay in registers as the left side of a product.
// Queries come in tiles of 64, or 32 where registers would not suffice.
template <int D>
__global__ void __launch_bounds__(attention_threads) attention_dkv_kernel(Attention a, const bf16* q, const bf16* k, const bf16* v, const bf16* dout,
                                                                          const float* lse, const float* through, bool add_k, bool add_v, bf16* dk, bf16* dv) {
  constexpr int queries = D == 128 ? 32 : 64;
  char *K = shared_memory(), *V = K + block_rows * D * 2, *Q = V + block_rows * D * 2, *dO = Q + queries * D * 2;
  float *log_sum = reinterpret_cast<float*>(dO + queries * D * 2), *dot = log_sum + queries;
  const int kv_head = blockIdx.y, row = blockIdx.z, shared_by = a.heads / a.kv_heads, lane = threadIdx.x % warp;
  const int first = blockIdx.x * block_rows, mine = threadIdx.x / warp * warp_rows;
  const long stride = long(a.heads) * D, kv_stride = long(a.kv_heads) * D, kv_start = head_start(a, row, a.kv_heads, kv_head);
  load_rows<D, block_rows>(K, k + kv_start, kv_stride, first, a.T);
  load_rows<D, block_rows>(V, v + kv_start, kv_stride, first, a.T);
  float out_k[D / 8][4] = {}, out_v[D / 8][4] = {};
  const int last_key = min(a.T, first + block_rows) - 1;
  const int begin = first / queries, end = min(a.T - 1, last_key + min(a.window, a.T)) / queries + 1;
  for (int head = kv_head * shared_by; head < (kv_head + 1) * shared_by; head++)
    for (int tile = begin; tile < end; tile++) {
      load_rows<D, queries>(Q, q + head_start(a, row, a.heads, head), stride, tile * queries, a.T);
      load_rows<D, queries>(dO, dout + head_start(a, row, a.heads, head), stride, tile * queries, a.T);
      copy_async_commit();
      for (int i = threadIdx.x; i < queries; i += attention_threads) {
        const int query = tile * queries + i;
        const long at = (long(row) * a.T + query) * a.heads + head;
        log_sum[i] = query < a.T ? lse[at] * log2e : 0;
        dot[i] = query < a.T ? through[at] : 0;
      }
      copy_async_wait<0>();
      __syncthreads();
      float p[queries / 8][4], slope[queries / 8][4];
      times_transposed<D, queries>(p, K, mine, Q);
      times_transposed<D, queries>(slope, V, mine, dO);
#pragma unroll
      for (int n = 0; n < queries / 8; n++)
#pragma unroll
        for (int e = 0; e < 4; e++) {
          const int key = first + mine + e / 2 * 8 + lane / 4, i = n * 8 + lane % 4 * 2 + e % 2, query = tile * queries + i;
          p[n][e] = query < a.T && sees(a, query, key) ? exp2_fast(p[n][e] * (a.scale * log2e) - log_sum[i]) : 0;
          slope[n][e] = p[n][e] * (slope[n][e] - dot[i]) * a.scale;
        }
      times<D, queries>(out_v, p, dO);
      times<D, queries>(out_k, slope, Q);
      __syncthreads();  // before Q and dO are overwritten
    }
  store_rows<D>(dk + kv_start, kv_stride, first + mine, a.T, out_k, add_k);
  store_rows<D>(dv + kv_start, kv_stride, first + mine, a.T, out_v, add_v);
}

template <int D>
void record_forward(Tape& tape, const Attention& a, const bf16* q, const bf16* k, const bf16* v, bf16* o, float* lse) {
  const Extent grid{unsigned(blocks_for(a.T, block_rows)), unsigned(a.heads), unsigned(a.rows)};
  launch(tape, "attention", grid, {attention_threads}, (block_rows + 4 * keys) * D * 2, attention_kernel<D>, a, q, k, v, o, lse);
}

template <int D>
void record_backward(Tape& tape, const Attention& a, const bf16* q, const bf16* k, const bf16* v, const bf16* o, const bf16* dout, const float* lse,
                     const bool add[3], bf16* dq, bf16* dk, bf16* dv, float* through) {
  const unsigned tiles = unsigned(blocks_for(a.T, block_rows));
  const long items = long(a.rows) * a.T * a.heads;
  const Extent block{attention_threads};
  launch(tape, "attention_through", {unsigned(blocks_for(items, attention_threads / warp))}, block, 0, through_sum_kernel<D>, items, o, dout, through);
  const float* dot = through;
  launch(tape, "attention_dq", {tiles, unsigned(a.heads), unsigned(a.rows)}, block, (2 * block_rows + 2 * keys) * D * 2, attention_dq_kernel<D>, a, q, k, v,
         dout, lse, dot, add[0], dq);
  const int queries = D == 128 ? 32 : 64;
  launch(tape, "attention_dkv", {tiles, unsigned(a.kv_heads), unsigned(a.rows)}, block, (2 * block_rows + 2 * queries) * D * 2 + 2 * queries * 4,
         attention_dkv_kernel<D>, a, q, k, v, dout, lse, dot, add[1], add[2], dk, dv);
}

// body(head dim as a constant)
template <class Body>
void with_head_dim(int head_dim, Body body) {
  if (head_dim == 32) body(std::integral_constant<int, 32>());
  else if (head_dim == 64) body(std::integral_constant<int, 64>());
  else if (head_dim == 128) body(std::integral_constant<int, 128>());
  else throw std::logic_error("attention: no kernel for this head dim");
}

}  // namespace

bool has_attention_kernel(int head_dim) { return head_dim == 32 || head_dim == 64 || head_dim == 128; }

void attention(Tape& tape, const Attention& a, const bf16* q, const bf16* k, const bf16* v, bf16* o, float* lse) {
  with_head_dim(a.head_dim, [&](auto D) { record_forward<D()>(tape, a, q, k, v, o, lse); });
}

void attention_backward(Tape& tape, const Attention& a, const bf16* q, const bf16* k, const bf16* v, const bf16* o, const bf16* dout, const float* lse,
                        const bool add[3], bf16* dq, bf16* dk, bf16* dv, float* scratch) {
  with_head_dim(a.head_dim, [&](auto D) { record_backward<D()>(tape, a, q, k, v, o, dout, lse, add, dq, dk, dv, scratch); });
}

}  // namespace swarm::cuda
