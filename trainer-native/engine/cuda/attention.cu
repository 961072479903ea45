// FlashAttention-2's scheme (Dao 2023) for sm_80 and later: scores live in registers only, forward keeps one number a query, and
// backward computes them again. A block takes 64 queries and walks the tiles of keys its window touches, or 64 keys and walks the
// queries that see them; nobody else writes its rows.
#include "engine/cuda/attention.h"

#include <stdexcept>

#include "engine/cuda/attention_tile.h"
#include "engine/cuda/launch.h"

namespace swarm::cuda {
namespace {

constexpr int keys = 64, queries = 64;  // of a tile that a block walks over
constexpr int threads = 128;  // one warpgroup: two blocks on a multiprocessor work in each other's pauses, two in one block do not

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

// The next tile's scores become probabilities while this tile's values are summed (as FlashAttention-3 does, Shah et al. 2024).
template <int D>
__global__ void __launch_bounds__(threads, 2) attention_kernel(Attention a, const bf16* q, const bf16* k, const bf16* v, bf16* o, float* lse) {
  constexpr int rows = rows_of<threads>, tile_bytes = keys * D * 2;
  char *Q = shared_memory(), *K = Q + rows * D * 2, *V = K + 2 * tile_bytes;  // two stages of each
  const int head = blockIdx.y, row = blockIdx.z, kv_head = head / (a.heads / a.kv_heads), lane = threadIdx.x % warp;
  const int first = (gridDim.x - 1 - blockIdx.x) * rows, mine = threadIdx.x / warp * warp_rows;  // longest spans first
  const long stride = long(a.heads) * D, kv_stride = long(a.kv_heads) * D, kv_start = head_start(a, row, a.kv_heads, kv_head);
  const Span span = keys_seen(a, first, rows);
  const auto stage = [&](char* ring, int tile) { return ring + (tile - span.begin) % 2 * tile_bytes; };
  const auto load = [&](char* ring, const bf16* x, int tile) {
    if (tile < span.end) load_rows<D, keys, threads>(stage(ring, tile), x + kv_start, kv_stride, tile * keys, a.T);
  };
  load_rows<D, rows, threads>(Q, q + head_start(a, row, a.heads, head), stride, first, a.T);
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
  start_transposed<D, rows, keys>(s, Q, stage(K, span.begin));
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
      start_transposed<D, rows, keys>(next, Q, next_keys);
      start_sum<D, keys>(out, s, stage(V, tile));
      end<D, 1>(next);
#pragma unroll
      for (int n = 0; n < keys / 8; n++)
#pragma unroll
        for (int e = 0; e < 4; e++) s[n][e] = next[n][e];
    } else {
      start_sum<D, keys>(out, s, stage(V, tile));
      start_transposed<D, rows, keys>(s, Q, next_keys);
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

// What backward needs of a query beside its row: its lse in units of log2, and o . dout. [rows, heads, T]
struct alignas(8) QueryNumbers {
  float log_sum, through;
};

// dq of 64 queries, and the numbers of each.
template <int D>
__global__ void __launch_bounds__(threads, 2) attention_dq_kernel(Attention a, const bf16* q, const bf16* k, const bf16* v, const bf16* o, const bf16* dout,
                                                                           const float* lse, QueryNumbers* numbers, bool add, bf16* dq) {
  constexpr int rows = rows_of<threads>, tile_bytes = keys * D * 2;
  char *Q = shared_memory(), *dO = Q + rows * D * 2, *KV = dO + rows * D * 2;  // two stages of K and V
  const int head = blockIdx.y, row = blockIdx.z, kv_head = head / (a.heads / a.kv_heads), lane = threadIdx.x % warp;
  const int first = (gridDim.x - 1 - blockIdx.x) * rows, mine = threadIdx.x / warp * warp_rows;
  const long stride = long(a.heads) * D, kv_stride = long(a.kv_heads) * D, start = head_start(a, row, a.heads, head),
             kv_start = head_start(a, row, a.kv_heads, kv_head);
  const Span span = keys_seen(a, first, rows);
  const auto load = [&](int tile) {
    if (tile < span.end) {
      char* stage = KV + (tile - span.begin) % 2 * 2 * tile_bytes;
      load_rows<D, keys, threads>(stage, k + kv_start, kv_stride, tile * keys, a.T);
      load_rows<D, keys, threads>(stage + tile_bytes, v + kv_start, kv_stride, tile * keys, a.T);
    }
    copy_async_commit();
  };
  load_rows<D, rows, threads>(Q, q + start, stride, first, a.T);
  load_rows<D, rows, threads>(dO, dout + start, stride, first, a.T);
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
    start_transposed<D, rows, keys>(s, Q, stage);
    start_transposed<D, rows, keys>(slope, dO, stage + tile_bytes);
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
__global__ void __launch_bounds__(threads, 2) attention_dkv_kernel(Attention a, const bf16* q, const bf16* k, const bf16* v, const bf16* dout,
                                                                            const QueryNumbers* numbers, bool add_k, bool add_v, bf16* dk, bf16* dv) {
  constexpr int rows = rows_of<threads>, part = D == 128 && !by_warpgroup<D> ? 32 : 64;  // queries at once: what registers suffice for
  constexpr int tile_bytes = queries * D * 2;
  char *K = shared_memory(), *V = K + rows * D * 2, *QdO = V + rows * D * 2;            // two stages of Q and dO
  QueryNumbers* const numbers_of = reinterpret_cast<QueryNumbers*>(QdO + 4 * tile_bytes);  // and of these
  const int kv_head = blockIdx.y, row = blockIdx.z, shared_by = a.heads / a.kv_heads, lane = threadIdx.x % warp;
  const int first = blockIdx.x * rows, mine = threadIdx.x / warp * warp_rows;
  const long stride = long(a.heads) * D, kv_stride = long(a.kv_heads) * D, kv_start = head_start(a, row, a.kv_heads, kv_head);
  const float scale = a.scale * log2e;
  const int begin = first / queries, end_of = min(a.T - 1, min(a.T, first + rows) - 1 + min(a.window, a.T)) / queries + 1;
  const int last_head = (kv_head + 1) * shared_by - 1;
  const auto load = [&](int head, int tile, int at) {
    if (head <= last_head) {
      char* to = QdO + at * 2 * tile_bytes;
      load_rows<D, queries, threads, part>(to, q + head_start(a, row, a.heads, head), stride, tile * queries, a.T);
      load_rows<D, queries, threads, part>(to + tile_bytes, dout + head_start(a, row, a.heads, head), stride, tile * queries, a.T);
      const int i = threadIdx.x;
      if (i < queries) copy_async8(numbers_of + at * queries + i, numbers + (long(row) * a.heads + head) * a.T + tile * queries + i, tile * queries + i < a.T);
    }
    copy_async_commit();
  };
  load_rows<D, rows, threads>(K, k + kv_start, kv_stride, first, a.T);
  load_rows<D, rows, threads>(V, v + kv_start, kv_stride, first, a.T);
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
      start_transposed<D, rows, part>(p, K, Q);
      start_transposed<D, rows, part>(slope, V, dO);
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
void record_forward(Tape& tape, const Attention& a, const bf16* q, const bf16* k, const bf16* v, bf16* o, float* lse) {
  constexpr int rows = rows_of<threads>;
  const Extent grid{unsigned(blocks_for(a.T, rows)), unsigned(a.heads), unsigned(a.rows)};
  launch(tape, "attention", grid, {threads}, (rows + 4 * keys) * D * 2, attention_kernel<D>, a, q, k, v, o, lse);
}

template <int D>
void record_backward(Tape& tape, const Attention& a, const bf16* q, const bf16* k, const bf16* v, const bf16* o, const bf16* dout, const float* lse,
                     const bool add[3], bf16* dq, bf16* dk, bf16* dv, float* scratch) {
  constexpr int rows = rows_of<threads>;
  const unsigned tiles = unsigned(blocks_for(a.T, rows));
  const Extent block{threads};
  QueryNumbers* const made = reinterpret_cast<QueryNumbers*>(scratch);
  const QueryNumbers* const numbers = made;
  launch(tape, "attention_dq", {tiles, unsigned(a.heads), unsigned(a.rows)}, block, (2 * rows + 4 * keys) * D * 2, attention_dq_kernel<D>, a, q, k, v, o, dout,
         lse, made, add[0], dq);
  launch(tape, "attention_dkv", {tiles, unsigned(a.kv_heads), unsigned(a.rows)}, block, (2 * rows + 4 * queries) * D * 2 + 2 * queries * sizeof(QueryNumbers),
         attention_dkv_kernel<D>, a, q, k, v, dout, numbers, add[1], add[2], dk, dv);
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
