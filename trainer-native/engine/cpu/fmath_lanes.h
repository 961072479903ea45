// The float polynomials of fmath.h over sixteen lanes. Coefficients: Chebyshev fits to the functions named beside them.
// defines: exp_of, log_of, tanh_of, sigmoid_of
#pragma once
#include "engine/cpu/simd.h"

namespace swarm::cpu {
namespace {

// x = n ln2 + r, exp(x) = 2^n exp(r).
SWARM_INLINE V16 exp_of(V16 x) {
  const V16 low = splat(-104.0f), high = splat(89.0f);
  const V16 c = lesser(high, greater(low, x));  // operand order keeps NaN
  const V16 n = nearest_product(c, splat(1.44269504f));
  const V16 r = fnma(n, splat(0.000764368044f), fnma(n, splat(0.692382812f), c));
  V16 p = splat(0.00139261759f);  // (exp(r) - 1 - r) / r^2 on [-ln2/2, ln2/2]
  p = fma(p, r, splat(0.00836317334f));
  p = fma(p, r, splat(0.0416665561f));
  p = fma(p, r, splat(0.166665778f));
  p = fma(p, r, splat(0.5f));
  p = fma(p * r, r, r) + splat(1.0f);
  return times_power_of_two(p, n);
}

// x = m 2^e with m in [sqrt(1/2), sqrt(2)), log(x) = e ln2 + log(1 + (m - 1)).
SWARM_INLINE V16 log_of(V16 x) {
  const V16 one = splat(1.0f), tiny = splat(1.17549435e-38f);
  const V16 scaled = select_less(x, tiny, x * splat(16777216.0f), x);  // denormals: times 2^24
  V16 e = exponent(scaled) - select_less(x, tiny, splat(24.0f), zero());
  V16 m = mantissa(scaled);
  const V16 upper = splat(1.41421354f);
  e = e + select_at_least(m, upper, one, zero());
  m = select_at_least(m, upper, m * splat(0.5f), m);
  const V16 f = m - one;
  V16 p = splat(0.0697161183f);  // (log(1+f) - f + f^2/2) / f^3
  p = fma(p, f, splat(-0.114797339f));
  p = fma(p, f, splat(0.116854198f));
  p = fma(p, f, splat(-0.124256872f));
  p = fma(p, f, splat(0.142490581f));
  p = fma(p, f, splat(-0.166678026f));
  p = fma(p, f, splat(0.200007156f));
  p = fma(p, f, splat(-0.24999997f));
  p = fma(p, f, splat(0.333333313f));
  const V16 square_f = f * f;
  V16 y = (p * f) * square_f;
  y = fma(e, splat(0.000764368044f), y);
  y = fnma(splat(0.5f), square_f, y);
  y = fma(e, splat(0.692382812f), f + y);
  const V16 infinity = splat(__builtin_inff());
  y = select_at_least(x, infinity, infinity, y);
  y = select_less(x, zero(), splat(__builtin_nanf("")), y);
  y = select_nan(x, x, y);
  return select_at_least(zero(), magnitude(x), splat(-__builtin_inff()), y);
}

SWARM_INLINE V16 tanh_of(V16 x) {
  const V16 a = magnitude(x);
  const V16 s = x * x;
  V16 p = splat(-0.00609671418f);  // (tanh(x) - x) / x^3 in x^2 on [0, 0.625^2]
  p = fma(p, s, splat(0.0209971797f));
  p = fma(p, s, splat(-0.0538509078f));
  p = fma(p, s, splat(0.133327693f));
  p = fma(p, s, splat(-0.333333284f));
  const V16 near_zero = fma(p * s, x, x);
  const V16 one = splat(1.0f);
  const V16 away = one - splat(2.0f) / (exp_of(a + a) + one);
  return select_less(a, splat(0.625f), near_zero, with_sign_of(away, x));
}

SWARM_INLINE V16 sigmoid_of(V16 x) {
  const V16 one = splat(1.0f);
  return one / (one + exp_of(zero() - x));
}

}  // namespace
}  // namespace swarm::cpu
