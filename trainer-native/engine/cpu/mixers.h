// The causal mixers that are no attention: depthwise convolution and linear scan over the tokens of a row. Channels never meet,
// so sixteens of them run side by side; along the tokens every channel is one chain, in the order of time (backward: against it).
// defines: conv_forward, conv_backward, scan_forward, scan_backward
#pragma once
#include "engine/cpu/rows.h"

namespace swarm::cpu {
namespace {

// Calls stripe.run<V>(offset, lanes) for C channels: V sixteens at a time while they last, so that chains hide each other's latency.
template <class Stripe>
SWARM_INLINE void stripes(int C, const Stripe& stripe) {
  int c = 0;
  for (; c + 64 <= C; c += 64) stripe.template run<4>(c, 16);
  sixteens(C - c, [&](long i, int lanes) { stripe.template run<1>(c + static_cast<int>(i), lanes); });
}

// x [rows, T, C], w [taps, C]: y[t] = sum over j <= t of w[j] x[t - j].
void conv_forward(int rows, int T, int C, int taps, const float* x, const float* w, float* y) {
  for (long row = 0; row < rows; row++, x += static_cast<long>(T) * C, y += static_cast<long>(T) * C)
    for (long t = 0; t < T; t++)
      sixteens(C, [&](long i, int lanes) {
        V16 sum = load(w + i, lanes) * load(x + t * C + i, lanes);
        for (long j = 1; j < taps && j <= t; j++) sum = fma(load(w + j * C + i, lanes), load(x + (t - j) * C + i, lanes), sum);
        store(y + t * C + i, sum, lanes);
      });
}

struct ConvWeightSlopes {  // dw[j] (+)= sum over rows and t >= j of dy[t] x[t - j]
  int rows, T, C, taps;
  const float *x, *dy;
  bool add;
  float* dw;
  template <int V>
  SWARM_INLINE void run(long at, int lanes) const {
    for (long j = 0; j < taps; j++) {
      float* out = dw + j * C + at;
      V16 sum[V];
      for (int v = 0; v < V; v++) sum[v] = add ? load(out + 16 * v, lanes) : zero();
      for (long row = 0; row < rows; row++)
        for (long t = j; t < T; t++) {
          const float* slope = dy + (row * T + t) * C + at;
          const float* in = x + (row * T + t - j) * C + at;
          for (int v = 0; v < V; v++) sum[v] = fma(load(slope + 16 * v, lanes), load(in + 16 * v, lanes), sum[v]);
        }
      for (int v = 0; v < V; v++) store(out + 16 * v, sum[v], lanes);
    }
  }
};

void conv_backward(int rows, int T, int C, int taps, const float* x, const float* w, const float* dy, bool add_x, float* dx, bool add_w, float* dw) {
  stripes(C, ConvWeightSlopes{rows, T, C, taps, x, dy, add_w, dw});
  for (long row = 0; row < rows; row++, dy += static_cast<long>(T) * C, dx += static_cast<long>(T) * C)
    for (long t = 0; t < T; t++)
      sixteens(C, [&](long i, int lanes) {
        V16 sum = load(w + i, lanes) * load(dy + t * C + i, lanes);
        for (long j = 1; j < taps && t + j < T; j++) sum = fma(load(w + j * C + i, lanes), load(dy + (t + j) * C + i, lanes), sum);
        store(dx + t * C + i, add_x ? load(dx + t * C + i, lanes) + sum : sum, lanes);
      });
}

struct Scan {  // h[t] = a[t] h[t - 1] + b[t], h before the row is 0
  int rows, T, C;
  const float *a, *b;
  float* h;
  template <int V>
  SWARM_INLINE void run(long at, int lanes) const {
    for (long row = 0; row < rows; row++) {
      V16 now[V];
      for (int v = 0; v < V; v++) now[v] = zero();
      for (long t = 0; t < T; t++) {
        const long n = (row * T + t) * C + at;
        for (int v = 0; v < V; v++) {
          now[v] = fma(load(a + n + 16 * v, lanes), now[v], load(b + n + 16 * v, lanes));
          store(h + n + 16 * v, now[v], lanes);
        }
      }
    }
  }
};

void scan_forward(int rows, int T, int C, const float* a, const float* b, float* h) { stripes(C, Scan{rows, T, C, a, b, h}); }

struct ScanSlopes {  // s[t] = dh[t] + a[t + 1] s[t + 1]; db[t] = s[t], da[t] = s[t] h[t - 1]
  int rows, T, C;
  const float *a, *h, *dh;
  bool add_a;
  float* da;
  bool add_b;
  float* db;
  template <int V>
  SWARM_INLINE void run(long at, int lanes) const {
    for (long row = 0; row < rows; row++) {
      V16 carried[V];  // a[t + 1] s[t + 1]
      for (int v = 0; v < V; v++) carried[v] = zero();
      for (long t = T - 1; t >= 0; t--) {
        const long n = (row * T + t) * C + at;
        for (int v = 0; v < V; v++) {
          const long i = n + 16 * v;
          const V16 s = load(dh + i, lanes) + carried[v];
          const V16 through = s * (t > 0 ? load(h + i - C, lanes) : zero());
          carried[v] = s * load(a + i, lanes);
          store(da + i, add_a ? load(da + i, lanes) + through : through, lanes);
          store(db + i, add_b ? load(db + i, lanes) + s : s, lanes);  // after da: a and b may be one tensor
        }
      }
    }
  }
};

void scan_backward(int rows, int T, int C, const float* a, const float* h, const float* dh, bool add_a, float* da, bool add_b, float* db) {
  stripes(C, ScanSlopes{rows, T, C, a, h, dh, add_a, da, add_b, db});
}

}  // namespace
}  // namespace swarm::cpu
