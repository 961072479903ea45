// Causal windowed attention, forward and backward, head by head. Queries go in groups of 8, whose sums run over the keys that any of
// them sees; scores are computed for the sixteens of keys that those touch. Forward takes two groups at a time, so that one's work hides
// what the other's maxima and sums wait for. Backward goes over squares of 64 queries by 64 keys, whose scores and slopes stay close.
// Groups are the same on every instruction set, so the bits are too. Positions outside a query's window hold exact zeros.
// defines: attention_forward, attention_backward
#pragma once
#include "engine/cpu/attention_plan.h"
#include "engine/cpu/fmath_lanes.h"
#include "engine/cpu/gemm.h"

namespace swarm::cpu {
namespace {

#if defined(__AVX512F__)
constexpr int kPiece = 8;  // rows of a group that one tile takes
#else
constexpr int kPiece = 4;
#endif

SWARM_INLINE Attention clamped(Attention a) {  // a window past T is one of T, and sums of it cannot overflow
  a.window = smaller(a.window, a.T);
  return a;
}

struct Keys { int first, end; };  // of a range of queries: what any of them sees
SWARM_INLINE Keys seen_by(const Attention& a, int i, int count) {
  return {i > a.window ? i - a.window : 0, i + count};
}

// C [R <= 8, cols] (+)= A B, columns a multiple of 16; see tile().
SWARM_INLINE void group_product(int R, int cols, int K, const float* A, long a_row, long a_k, const float* B, long b_k, float* C, long ldc, bool add) {
  const Start start = add ? Start::Continue : Start::Zero;
  for (int r = 0; r < R; r += kPiece) {
    int c = 0;
    for (; c + kTileCols <= cols; c += kTileCols)
      tile_rows<kTileLanes>(smaller(kPiece, R - r), K, A + r * a_row, a_row, a_k, B + c, b_k, C + r * ldc + c, ldc, start, 0.0f);
    for (; c < cols; c += 16) tile_rows<1>(smaller(kPiece, R - r), K, A + r * a_row, a_row, a_k, B + c, b_k, C + r * ldc + c, ldc, start, 0.0f);
  }
}

// x [T, head_dim] -> panels [T/32][head_dim][32], tokens past T are 0.
SWARM_INLINE void pack_panels(int T, int head_dim, const float* x, long stride, float* panels) {
  for (int j = 0; j < T; j += 32, panels += 32 * head_dim)
    for (int half = 0; half < 32; half += 16)
      for (int d = 0; d < head_dim; d += 16) {
        float* to = panels + d * 32 + half;
        const int tokens = T - j - half;
        if (tokens >= 16) transpose16(x + (j + half) * stride + d, stride, to, 32);
        else
          for (int k = 0; k < 16; k++)
            for (int i = 0; i < 16; i++) to[k * 32 + i] = i < tokens ? x[(j + half + i) * stride + d + k] : 0.0f;
      }
}

// Rows of a head side by side: strided rows would crowd a few sets of the L1 cache.
SWARM_INLINE void pack_rows(int T, int head_dim, const float* x, long stride, float* rows) {
  for (int t = 0; t < T; t++)
    for (int d = 0; d < head_dim; d += 16) store(rows + t * head_dim + d, load(x + t * stride + d));
}

// scores [kPiece, from..end), from and end multiples of 16: q . k without the scale. Column 0 of `scores` is key `base`.
[[gnu::noinline]] void piece_scores(int head_dim, const float* q, long q_stride, const float* panels, int from, int end, int base, float* scores, long width) {
  for (int j = from; j < end;) {
    const float* panel = panels + j / 32 * 32 * head_dim + j % 32;
    float* to = scores + (j - base);
    const bool wide = kTileCols == 32 && j % 32 == 0 && end - j >= 32;
    if (wide) tile<kPiece, kTileLanes, false, false>(head_dim, q, q_stride, 1, panel, 32, to, width, Start::Zero, 0.0f, nullptr, nullptr);
    else tile<kPiece, 1, false, false>(head_dim, q, q_stride, 1, panel, 32, to, width, Start::Zero, 0.0f, nullptr, nullptr);
    j += wide ? 32 : 16;
  }
}
// The same for R queries of a group.
SWARM_INLINE void group_scores(int R, int head_dim, const float* q, long q_stride, const float* panels, int from, int end, int base, float* scores,
                               long width) {
  int r = 0;
  for (; r + kPiece <= R; r += kPiece) piece_scores(head_dim, q + r * q_stride, q_stride, panels, from, end, base, scores + r * width, width);
  for (int j = from; r < R && j < end; j += 16)
    group_product(R - r, 16, head_dim, q + r * q_stride, q_stride, 1, panels + j / 32 * 32 * head_dim + j % 32, 32, scores + r * width + (j - base), width, false);
}

// The sixteens of keys in [from, end) that a group of queries touches; all of the group see all keys of [whole, partly).
struct Sixteens {
  int from, whole, partly, end;
  bool edge(int j) const { return j < whole || j >= partly; }
};
SWARM_INLINE Sixteens sixteens_of(const Attention& a, int i, int R, int from, int end) {
  const int last_first = i + R - 1 - a.window;
  const int whole = smaller(end, larger(from, last_first > 0 ? up_to(last_first, 16) : 0));
  return {from, whole, larger(whole, smaller(end, (i + 1) / 16 * 16)), end};
}

// How scores come from products q.k, for functions that take the rows of a group one after the other: what does not change from row to row
// stays in registers, which is why the softcap is a matter of the type.
template <bool Capped>
struct Scoring {
  explicit Scoring(const Attention& a) : scale(splat(a.scale)), softcap(splat(a.softcap)), window(a.window) {}
  // bend: how the score answers to its product, in units of the scale; only with a softcap.
  SWARM_INLINE V16 of(V16 products, V16* bend) const {
    if constexpr (Capped) {
      const V16 t = tanh_of(products * scale / softcap);
      *bend = fnma(t, t, splat(1.0f));
      return softcap * t;
    }
    return products * scale;
  }
  // x where the key is one that query i sees, else `otherwise`; lane 0 is key j.
  SWARM_INLINE V16 where_seen(int i, int j, V16 x, V16 otherwise) const {
    const V16 key = lane_numbers() + splat(static_cast<float>(j));
    const V16 kept = select_at_least(key, splat(static_cast<float>(i - window)), x, otherwise);
    return select_at_least(splat(static_cast<float>(i)), key, kept, otherwise);
  }
  V16 scale, softcap;
  int window;
};

// R rows of products, queries i.., to scores where that is dear, and each one's largest score into top.
template <bool Capped>
[[gnu::noinline]] void tops_of_rows(const Attention& a, int i, int R, Sixteens s, int base, float* rows, long width, float* top) {
  const Scoring<Capped> scoring(a);
  const V16 never = splat(-__builtin_inff());
  for (int r = 0; r < R; r++, rows += width) {
    V16 largest = never, bend;
    for (int j = s.from; j < s.end; j += 16) {
      V16 x = scoring.of(load(rows + j - base), &bend);
      if (Capped) store(rows + j - base, x);
      if (s.edge(j)) x = scoring.where_seen(i + r, j, x, never);
      largest = greater(largest, x);
    }
    top[r] = horizontal_max(largest);
  }
}
// Those rows to exp(score - top), 0 outside the window; each one's sum into total.
template <bool Capped>
[[gnu::noinline]] void exp_of_rows(const Attention& a, int i, int R, Sixteens s, int base, float* rows, long width, const float* top, float* total) {
  const Scoring<Capped> scoring(a);
  for (int r = 0; r < R; r++, rows += width) {
    const V16 most = splat(top[r]);
    V16 sum = zero();
    for (int j = s.from; j < s.end; j += 16) {
      const V16 x = load(rows + j - base);
      V16 e = exp_of((Capped ? x : x * scoring.scale) - most);
      if (s.edge(j)) e = scoring.where_seen(i + r, j, e, zero());
      store(rows + j - base, e);
      sum = sum + e;
    }
    total[r] = horizontal_sum(sum);
  }
}

void attention_forward(const Attention& given, const float* q, const float* k, const float* v, float* o, float* lse, float* scratch) {
  const Attention a = clamped(given);
  const Plan plan = plan_attention(a);
  const int D = a.head_dim, shared = a.heads / a.kv_heads;
  for (int b = 0; b < a.rows; b++)
    for (int h = 0; h < a.heads; h++) {
      const long n = static_cast<long>(b) * a.T;
      if (h % shared == 0) {
        pack_panels(a.T, D, k + n * a.k_stride + h / shared * D, a.k_stride, scratch + plan.key_panels);
        pack_rows(a.T, D, v + n * a.v_stride + h / shared * D, a.v_stride, scratch + plan.rows_a);
      }
      const float* queries = q + n * a.q_stride + h * D;
      float* out = o + n * a.o_stride + h * D;
      for (int i = 0; i < a.T; i += kForwardGroup) {
        const int R = smaller(kForwardGroup, a.T - i);
        const Keys keys = seen_by(a, i, R);
        const int from = keys.first / 16 * 16, end = up_to(keys.end, 16);
        group_scores(R, D, queries + i * a.q_stride, a.q_stride, scratch + plan.key_panels, from, end, from, scratch + plan.scores, plan.width);
        float top[16] = {}, total[16] = {}, inverse[16], logs[16];
        const Sixteens all = sixteens_of(a, i, R, from, end);
        (a.softcap != 0 ? tops_of_rows<true> : tops_of_rows<false>)(a, i, R, all, from, scratch + plan.scores, plan.width, top);
        (a.softcap != 0 ? exp_of_rows<true> : exp_of_rows<false>)(a, i, R, all, from, scratch + plan.scores, plan.width, top, total);
        store(inverse, splat(1.0f) / load(total));
        store(logs, load(top) + log_of(load(total)));
        for (int r = 0; r < R; r++) lse[(n + i + r) * a.heads + h] = logs[r];
        for (int r = 0; r < R; r += kGroup) {
          const Keys own = seen_by(a, i + r, smaller(kGroup, R - r));
          group_product(smaller(kGroup, R - r), D, own.end - own.first, scratch + plan.scores + r * plan.width + own.first - from, plan.width, 1,
                        scratch + plan.rows_a + own.first * D, D, out + (i + r) * a.o_stride, a.o_stride, false);
        }
        for (int r = 0; r < R; r++)
          for (int d = 0; d < D; d += 16) {
            float* y = out + (i + r) * a.o_stride + d;
            store(y, load(y) * splat(inverse[r]));
          }
      }
    }
}

SWARM_INLINE float dot_row(int D, const float* x, const float* y) {
  V16 sum = zero();
  for (int d = 0; d < D; d += 16) sum = fma(load(x + d), load(y + d), sum);
  return horizontal_sum(sum);
}

// R rows of products, queries i.., to probabilities p = exp(score - lse), and of dp to slopes dL/d(q.k) = scale bend p (dp - dot).
// lse: from one query to the next lie `heads` floats.
template <bool Capped>
[[gnu::noinline]] void slopes_of_rows(const Attention& a, int i, int R, Sixteens s, int base, const float* lse, const float* dots, float* scores,
                                      float* slopes) {
  const Scoring<Capped> scoring(a);
  for (int r = 0; r < R; r++, scores += kKeysWidth, slopes += kKeysWidth) {
    const V16 log_total = splat(lse[r * a.heads]), along = splat(dots[r]);
    for (int j = s.from; j < s.end; j += 16) {
      V16 bend;
      V16 p = exp_of(scoring.of(load(scores + j - base), &bend) - log_total);
      if (s.edge(j)) p = scoring.where_seen(i + r, j, p, zero());
      V16 slope = (p * (load(slopes + j - base) - along)) * scoring.scale;
      if (Capped) slope = slope * bend;
      if (s.edge(j)) slope = scoring.where_seen(i + r, j, slope, zero());
      store(scores + j - base, p);
      store(slopes + j - base, slope);
    }
  }
}

void attention_backward(const Attention& given, const float* q, const float* k, const float* v, const float* o, const float* dout, const float* lse,
                        bool add, float* dq, float* dk, float* dv, float* scratch) {
  const Attention a = clamped(given);
  const Plan plan = plan_attention(a);
  const int D = a.head_dim, shared = a.heads / a.kv_heads;
  for (int b = 0; b < a.rows; b++)
    for (int h = 0; h < a.heads; h++) {
      const long n = static_cast<long>(b) * a.T;
      float* key_slopes = dk + n * a.k_stride + h / shared * D;
      float* value_slopes = dv + n * a.v_stride + h / shared * D;
      if (h % shared == 0) {
        pack_panels(a.T, D, k + n * a.k_stride + h / shared * D, a.k_stride, scratch + plan.key_panels);
        pack_panels(a.T, D, v + n * a.v_stride + h / shared * D, a.v_stride, scratch + plan.value_panels);
        pack_rows(a.T, D, k + n * a.k_stride + h / shared * D, a.k_stride, scratch + plan.rows_a);
      }
      pack_rows(a.T, D, q + n * a.q_stride + h * D, a.q_stride, scratch + plan.rows_b);
      pack_rows(a.T, D, dout + n * a.o_stride + h * D, a.o_stride, scratch + plan.rows_c);
      const float* out = o + n * a.o_stride + h * D;
      float* query_slopes = dq + n * a.q_stride + h * D;
      float dots[kQueries];
      for (int i0 = 0; i0 < a.T; i0 += kQueries) {
        const int i1 = smaller(i0 + kQueries, a.T);
        for (int i = i0; i < i1; i++) dots[i - i0] = dot_row(D, scratch + plan.rows_c + i * D, out + i * a.o_stride);
        const Keys block = seen_by(a, i0, i1 - i0);
        for (int j0 = block.first / 32 * 32; j0 < block.end; j0 += kKeys) {  // a square of scores and slopes that stays in the first-level cache
          const int j1 = smaller(j0 + kKeys, block.end);
          for (int i = i0; i < i1; i += kGroup) {
            const int R = smaller(kGroup, i1 - i);
            const Keys keys = seen_by(a, i, R);
            const int first = larger(keys.first, j0), last = smaller(keys.end, j1);
            if (first >= last) continue;
            const int from = first / 16 * 16, end = up_to(last, 16);
            float* scores = scratch + plan.scores + (i - i0) * kKeysWidth;
            float* slopes = scratch + plan.slopes + (i - i0) * kKeysWidth;
            group_scores(R, D, scratch + plan.rows_b + i * D, D, scratch + plan.key_panels, from, end, j0, scores, kKeysWidth);
            group_scores(R, D, scratch + plan.rows_c + i * D, D, scratch + plan.value_panels, from, end, j0, slopes, kKeysWidth);
            const Sixteens all = sixteens_of(a, i, R, from, end);
            (a.softcap != 0 ? slopes_of_rows<true> : slopes_of_rows<false>)(a, i, R, all, j0, lse + (n + i) * a.heads + h, dots + (i - i0), scores, slopes);
            group_product(R, D, last - first, slopes + first - j0, kKeysWidth, 1, scratch + plan.rows_a + first * D, D, query_slopes + i * a.q_stride,
                          a.q_stride, add || first > keys.first);
          }
          for (int j = j0; j < j1; j += kGroup) {  // groups of keys: queries of this block that see any of them
            const int R = smaller(kGroup, a.T - j);
            const int first = larger(j, i0), end = smaller(i1, j + R + a.window);
            if (first >= end) continue;
            const bool adds = add || h % shared > 0 || j < i0;  // a key's own query is the first to see it
            const long at = (first - i0) * kKeysWidth + j - j0;
            group_product(R, D, end - first, scratch + plan.slopes + at, 1, kKeysWidth, scratch + plan.rows_b + first * D, D, key_slopes + j * a.k_stride, a.k_stride, adds);
            group_product(R, D, end - first, scratch + plan.scores + at, 1, kKeysWidth, scratch + plan.rows_c + first * D, D, value_slopes + j * a.v_stride, a.v_stride, adds);
          }
        }
      }
    }
}

}  // namespace
}  // namespace swarm::cpu
