// Kernels over n floats, each element by itself: arithmetic, comparisons, exp and its relatives, phrases.
// defines: the vector operations of Kernels, phrase, fma_rounds
#pragma once
#include "engine/cpu/phrases.h"
#include "engine/cpu/rows.h"

namespace swarm::cpu {
namespace {

SWARM_INLINE V16 relu(V16 x) { return greater(zero(), x); }  // operand order keeps NaN
SWARM_INLINE V16 is_positive(V16 x) { return select_less(zero(), x, splat(1.0f), zero()); }
SWARM_INLINE V16 tanh(V16 x) { return tanh_of(x); }
SWARM_INLINE V16 sigmoid(V16 x) { return sigmoid_of(x); }

#define SWARM_MAP1(name, expression)                                            \
  void name(long n, const float* a, float* out) {                               \
    sixteens(n, [&](long i, int lanes) {                                        \
      const V16 x = load(a + i, lanes);                                         \
      store(out + i, expression, lanes);                                        \
    });                                                                         \
  }
#define SWARM_MAP2(name, expression)                                            \
  void name(long n, const float* a, const float* b, float* out) {               \
    sixteens(n, [&](long i, int lanes) {                                        \
      const V16 x = load(a + i, lanes), y = load(b + i, lanes);                 \
      store(out + i, expression, lanes);                                        \
    });                                                                         \
  }

SWARM_MAP2(map_add, x + y)
SWARM_MAP2(map_subtract, x - y)
SWARM_MAP2(map_multiply, x * y)
SWARM_MAP2(map_divide, x / y)
SWARM_MAP2(map_maximum, maximum(x, y))
SWARM_MAP2(map_minimum, minimum(x, y))
SWARM_MAP2(map_is_at_least, select_at_least(x, y, splat(1.0f), zero()))
SWARM_MAP1(map_is_positive, is_positive(x))
SWARM_MAP1(map_relu, relu(x))
SWARM_MAP1(map_square, square(x))
SWARM_MAP1(map_exp, exp_of(x))
SWARM_MAP1(map_log, log_of(x))
SWARM_MAP1(map_tanh, tanh_of(x))
SWARM_MAP1(map_sigmoid, sigmoid_of(x))
SWARM_MAP1(map_sqrt, root(x))
SWARM_MAP1(map_copy, x)
#undef SWARM_MAP1
#undef SWARM_MAP2

template <class P>
SWARM_INLINE void map_phrase(long n, const float* const* in, const float* constants, float* out) {
  V16 c[P::constants + 1];
  for (int k = 0; k < P::constants; k++) c[k] = splat(constants[k]);
  sixteens(n, [&](long i, int lanes) {
    V16 x[P::inputs];
    for (int k = 0; k < P::inputs; k++) x[k] = load(in[k] + i, lanes);
    store(out + i, P::of(x, c), lanes);
  });
}
void phrase(Phrase which, long n, const float* const* in, const float* constants, float* out) {
  switch (which) {
#define SWARM_CASE(name) case Phrase::name: return map_phrase<name>(n, in, constants, out);
    SWARM_PHRASES(SWARM_CASE)
#undef SWARM_CASE
    case Phrase::None: case Phrase::Count: return;
  }
}

void map_multiply_add(long n, const float* a, const float* b, const float* c, float* out) {
  sixteens(n, [&](long i, int lanes) { store(out + i, fma(load(a + i, lanes), load(b + i, lanes), load(c + i, lanes)), lanes); });
}
void map_fill(long n, float value, float* out) {
  sixteens(n, [&](long i, int lanes) { store(out + i, splat(value), lanes); });
}
void map_scale(long n, float s, const float* a, float* out) {
  sixteens(n, [&](long i, int lanes) { store(out + i, splat(s) * load(a + i, lanes), lanes); });
}
void map_axpy(long n, float s, const float* a, float* out) {
  sixteens(n, [&](long i, int lanes) { store(out + i, fma(splat(s), load(a + i, lanes), load(out + i, lanes)), lanes); });
}
void map_axpby(long n, float s, const float* a, float t, const float* b, float* out) {
  sixteens(n, [&](long i, int lanes) { store(out + i, fma(splat(s), load(a + i, lanes), splat(t) * load(b + i, lanes)), lanes); });
}
void expand_heads(int rows, int heads, int head_dim, const float* x, long x_stride, float* out, long out_stride) {
  for (long n = 0; n < rows; n++)
    for (int h = 0; h < heads; h++) map_fill(head_dim, x[n * x_stride + h], out + n * out_stride + static_cast<long>(h) * head_dim);
}

// 16 chains hide the latency of any current core; the barrier keeps each chain in its register.
float fma_rounds(long rounds) {
  V16 chain[16];
  for (int i = 0; i < 16; i++) chain[i] = splat(static_cast<float>(i));
  const V16 a = splat(0.999f), b = splat(0.001f);
  for (long r = 0; r < rounds; r++)
    for (int i = 0; i < 16; i++) chain[i] = fma(chain[i], a, b);
  V16 all = zero();
  for (int i = 0; i < 16; i++) all = all + chain[i];
  return horizontal_sum(all);
}

}  // namespace
}  // namespace swarm::cpu
