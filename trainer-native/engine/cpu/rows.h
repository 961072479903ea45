// Kernels over the rows of [rows, channels]: norm, rotation, embedding, cross-entropy and sums. Every sum over channels runs
// in sixteen lanes and ends in one horizontal sum; every sum over rows runs in the order of the rows.
// defines: rmsnorm_forward, rmsnorm_backward, rope, embed, embed_backward, cross_entropy, sum_columns, sum_heads, sum, sum_squares, dot
#pragma once
#include "engine/cpu/fmath_lanes.h"
#include "engine/cpu/kernels.h"

namespace swarm::cpu {
namespace {

// Calls f(offset, lanes) for n channels in sixteens; lanes < 16 only for the last.
template <class Function>
SWARM_INLINE void sixteens(long n, Function f) {
  long i = 0;
  for (; i + 16 <= n; i += 16) f(i, 16);
  if (i < n) f(i, static_cast<int>(n - i));
}
SWARM_INLINE V16 load(const float* p, int n) { return n == 16 ? load(p) : load_part(p, n); }
SWARM_INLINE void store(float* p, V16 a, int n) { n == 16 ? store(p, a) : store_part(p, a, n); }

// Sum of f(offset, lanes) over n, in sixteen lanes. Lanes past the end must come out 0.
template <class Function>
SWARM_INLINE float sum_of(long n, Function f) {
  V16 sum = zero();
  sixteens(n, [&](long i, int lanes) { sum = sum + f(i, lanes); });
  return horizontal_sum(sum);
}

void rmsnorm_forward(int rows, int groups, int C, const float* x, long x_stride, float eps, float* y, long y_stride, float* rstd) {
  const float share = 1.0f / static_cast<float>(C);
  for (long n = 0; n < rows; n++)
    for (int g = 0; g < groups; g++) {
      const float* in = x + n * x_stride + static_cast<long>(g) * C;
      float* out = y + n * y_stride + static_cast<long>(g) * C;
      const float squares = sum_of(C, [&](long i, int lanes) { return square(load(in + i, lanes)); });
      const float r = 1.0f / __builtin_sqrtf(squares * share + eps);
      rstd[n * groups + g] = r;
      sixteens(C, [&](long i, int lanes) { store(out + i, load(in + i, lanes) * splat(r), lanes); });
    }
}

void rmsnorm_backward(int rows, int groups, int C, const float* dy, long dy_stride, const float* x, long x_stride, const float* rstd, bool add,
                      float* dx, long dx_stride) {
  const float share = 1.0f / static_cast<float>(C);
  for (long n = 0; n < rows; n++)
    for (int g = 0; g < groups; g++) {
      const float* slope = dy + n * dy_stride + static_cast<long>(g) * C;
      const float* in = x + n * x_stride + static_cast<long>(g) * C;
      float* out = dx + n * dx_stride + static_cast<long>(g) * C;
      const float r = rstd[n * groups + g];
      const float along = sum_of(C, [&](long i, int lanes) { return load(slope + i, lanes) * load(in + i, lanes); });
      const V16 back = splat(along * share * r * r);  // dx = r (dy - x r^2 mean(dy x))
      sixteens(C, [&](long i, int lanes) {
        const V16 d = fnma(load(in + i, lanes), back, load(slope + i, lanes)) * splat(r);
        store(out + i, add ? load(out + i, lanes) + d : d, lanes);
      });
    }
}

void rope(int rows, int T, int heads, int head_dim, const float* x, long x_stride, const float* cos, const float* sin, bool backward, bool add,
          float* y, long y_stride) {
  const int half = head_dim / 2;
  const V16 direction = splat(backward ? -1.0f : 1.0f);
  for (long n = 0; n < rows; n++) {
    const float *c = cos + n % T * half, *s = sin + n % T * half;
    for (int h = 0; h < heads; h++) {
      const float* in = x + n * x_stride + static_cast<long>(h) * head_dim;
      float* out = y + n * y_stride + static_cast<long>(h) * head_dim;
      sixteens(half, [&](long i, int lanes) {
        const V16 x1 = load(in + i, lanes), x2 = load(in + half + i, lanes);
        const V16 cosine = load(c + i, lanes), sine = load(s + i, lanes) * direction;
        const V16 y1 = fma(x1, cosine, x2 * sine), y2 = fnma(x1, sine, x2 * cosine);
        store(out + i, add ? load(out + i, lanes) + y1 : y1, lanes);
        store(out + half + i, add ? load(out + half + i, lanes) + y2 : y2, lanes);
      });
    }
  }
}

void embed(int rows, int C, const float* table, const uint16_t* tokens, float* y, long y_stride) {
  for (long n = 0; n < rows; n++) {
    const float* in = table + static_cast<long>(tokens[n]) * C;
    sixteens(C, [&](long i, int lanes) { store(y + n * y_stride + i, load(in + i, lanes), lanes); });
  }
}

void embed_backward(int rows, int C, const float* dy, long dy_stride, const uint16_t* tokens, float* dtable) {
  for (long n = 0; n < rows; n++) {
    float* out = dtable + static_cast<long>(tokens[n]) * C;
    sixteens(C, [&](long i, int lanes) { store(out + i, load(out + i, lanes) + load(dy + n * dy_stride + i, lanes), lanes); });
  }
}

// loss = largest + log(sum exp(logit - largest)) - logit of the target.
void cross_entropy(int rows, int V, const float* logits, long stride, const uint16_t* targets, float scale, float* losses, float* dlogits,
                   long d_stride) {
  const V16 lowest = splat(-__builtin_inff());
  for (long n = 0; n < rows; n++) {
    const float* in = logits + n * stride;
    V16 most = lowest;
    sixteens(V, [&](long i, int lanes) {
      most = greater(most, lanes == 16 ? load(in + i) : select_less(lane_numbers(), splat(static_cast<float>(lanes)), load_part(in + i, lanes), lowest));
    });
    const V16 largest = splat(horizontal_max(most));
    const float at_target = in[targets[n]];
    float* out = dlogits ? dlogits + n * d_stride : nullptr;
    const float total = sum_of(V, [&](long i, int lanes) {
      V16 e = exp_of(load(in + i, lanes) - largest);
      if (lanes < 16) e = select_less(lane_numbers(), splat(static_cast<float>(lanes)), e, zero());
      if (out) store(out + i, e, lanes);
      return e;
    });
    float log_total[16], top[16];
    store(log_total, log_of(splat(total)));
    store(top, largest);
    losses[n] = log_total[0] + (top[0] - at_target);
    if (!out) continue;
    const V16 share = splat(scale / total);
    sixteens(V, [&](long i, int lanes) { store(out + i, load(out + i, lanes) * share, lanes); });
    out[targets[n]] = out[targets[n]] - scale;
  }
}

void sum_columns(int rows, int C, const float* x, long x_stride, float* out) {
  int at = 0;
  for (; at + 64 <= C; at += 64) {  // whole cache lines of a row, and four chains at a time
    V16 sum[4];
    for (int v = 0; v < 4; v++) sum[v] = load(out + at + 16 * v);
    for (long n = 0; n < rows; n++)
      for (int v = 0; v < 4; v++) sum[v] = sum[v] + load(x + n * x_stride + at + 16 * v);
    for (int v = 0; v < 4; v++) store(out + at + 16 * v, sum[v]);
  }
  sixteens(C - at, [&](long i, int lanes) {
    V16 sum = load(out + at + i, lanes);
    for (long n = 0; n < rows; n++) sum = sum + load(x + n * x_stride + at + i, lanes);
    store(out + at + i, sum, lanes);
  });
}

void sum_heads(int rows, int heads, int head_dim, const float* x, long x_stride, float* out, long out_stride) {
  for (long n = 0; n < rows; n++)
    for (int h = 0; h < heads; h++) {
      const float* in = x + n * x_stride + static_cast<long>(h) * head_dim;
      out[n * out_stride + h] += sum_of(head_dim, [&](long i, int lanes) { return load(in + i, lanes); });
    }
}

// Sums over long arrays add up blocks of 2048, so that rounding grows with the number of blocks and not of floats.
template <class Function>
SWARM_INLINE float blocked_sum(long n, Function f) {
  constexpr long kBlock = 2048;
  float total = 0;
  for (long at = 0; at < n; at += kBlock)
    total += sum_of(n - at < kBlock ? n - at : kBlock, [&](long i, int lanes) { return f(at + i, lanes); });
  return total;
}
float sum(long n, const float* x) {
  return blocked_sum(n, [&](long i, int lanes) { return load(x + i, lanes); });
}
float sum_squares(long n, const float* x) {
  return blocked_sum(n, [&](long i, int lanes) { return square(load(x + i, lanes)); });
}
float dot(long n, const float* a, const float* b) {
  return blocked_sum(n, [&](long i, int lanes) { return load(a + i, lanes) * load(b + i, lanes); });
}

}  // namespace
}  // namespace swarm::cpu
