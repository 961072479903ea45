// The scalar float functions run one lane of the portable sixteen, so that their bits are those of the kernels.
#include "engine/cpu/fmath.h"

#include <cmath>
#include <cstdint>
#include <cstring>

#include "engine/cpu/fmath_lanes.h"

namespace swarm::fmath {

namespace {

using swarm::cpu::V16;

template <class Function>
float one_lane(Function f, float x) {
  float lanes[16];
  swarm::cpu::store(lanes, f(swarm::cpu::splat(x)));
  return lanes[0];
}

double power_of_two(int n) {  // n in [-1022, 1023]
  const uint64_t bits = static_cast<uint64_t>(n + 1023) << 52;
  double x;
  std::memcpy(&x, &bits, 8);
  return x;
}

constexpr double kLn2High = 0x1.62e42feep-1, kLn2Low = 0x1.a39ef35793c76p-33;

// exp(r) - 1 for |r| <= ln2/2: Taylor, the first dropped term is below 2^-60 of the result.
double exp_minus_one_near_zero(double r) {
  double p = 1.0 / 87178291200.0;                                              // 1/14!
  const double inverse_factorials[] = {1.0 / 6227020800.0, 1.0 / 479001600.0, 1.0 / 39916800.0, 1.0 / 3628800.0, 1.0 / 362880.0,
                                       1.0 / 40320.0,      1.0 / 5040.0,      1.0 / 720.0,      1.0 / 120.0,     1.0 / 24.0,
                                       1.0 / 6.0,          0.5};
  for (double c : inverse_factorials) p = std::fma(p, r, c);
  return std::fma(p * r, r, r);
}

// sin and cos of a remainder |r| <= pi/4: Taylor to r^17 and r^18.
double sin_near_zero(double r) {
  const double s = r * r;
  double p = 1.0 / 355687428096000.0;
  const double c[] = {-1.0 / 1307674368000.0, 1.0 / 6227020800.0, -1.0 / 39916800.0, 1.0 / 362880.0, -1.0 / 5040.0, 1.0 / 120.0, -1.0 / 6.0};
  for (double k : c) p = std::fma(p, s, k);
  return std::fma(p * s, r, r);
}
double cos_near_zero(double r) {
  const double s = r * r;
  double p = -1.0 / 6402373705728000.0;
  const double c[] = {1.0 / 20922789888000.0, -1.0 / 87178291200.0, 1.0 / 479001600.0, -1.0 / 3628800.0, 1.0 / 40320.0, -1.0 / 720.0, 1.0 / 24.0, -0.5};
  for (double k : c) p = std::fma(p, s, k);
  return std::fma(p, s, 1.0);
}

// sin(x + quarters * pi/2), pi/2 taken off in three parts that a fused multiply-add subtracts without loss.
double sin_shifted(double x, long quarters) {
  const double n = std::nearbyint(x * 0x1.45f306dc9c883p-1);
  double r = std::fma(-n, 0x1.921fb544p+0, x);
  r = std::fma(-n, 0x1.0b4611a6p-34, r);
  r = std::fma(-n, 0x1.3198a2e037073p-69, r);
  const long quadrant = (static_cast<long>(n) + quarters) & 3;
  const double y = quadrant & 1 ? cos_near_zero(r) : sin_near_zero(r);
  return quadrant & 2 ? -y : y;
}

}  // namespace

float exp(float x) { return one_lane(swarm::cpu::exp_of, x); }
float log(float x) { return one_lane(swarm::cpu::log_of, x); }
float tanh(float x) { return one_lane(swarm::cpu::tanh_of, x); }
float sigmoid(float x) { return one_lane(swarm::cpu::sigmoid_of, x); }
float sin(float x) { return static_cast<float>(sin(static_cast<double>(x))); }
float cos(float x) { return static_cast<float>(cos(static_cast<double>(x))); }

double exp(double x) {
  if (x != x) return x;
  if (x > 709.79) return HUGE_VAL;
  if (x < -746) return 0;
  const double n = std::nearbyint(x * 0x1.71547652b82fep+0);
  const double r = std::fma(-n, kLn2Low, std::fma(-n, kLn2High, x));
  const int whole = static_cast<int>(n), half = whole / 2;
  return (1.0 + exp_minus_one_near_zero(r)) * power_of_two(half) * power_of_two(whole - half);
}

double log(double x) {
  if (x != x || x == HUGE_VAL) return x;
  if (x < 0) return std::nan("");
  if (x == 0) return -HUGE_VAL;
  int e;
  double m = std::frexp(x, &e);  // [0.5, 1)
  if (m < 0x1.6a09e667f3bcdp-1) m *= 2, e--;
  const double f = m - 1, s = f / (2 + f), z = s * s;  // log(m) = 2 (s + s^3/3 + s^5/5 + ..), |s| < 0.172
  double p = 1.0 / 25;
  for (int k = 23; k >= 3; k -= 2) p = std::fma(p, z, 1.0 / k);
  // 2s = f - s f, which keeps the leading f exact
  return std::fma(e, kLn2High, f + (std::fma(e, kLn2Low, 2 * s * z * p) - s * f));
}

double tanh(double x) {
  const double a = std::fabs(x);
  if (a > 22) return x > 0 ? 1.0 : -1.0;
  const double e = a < 0.17 ? exp_minus_one_near_zero(2 * a) : exp(2 * a) - 1;
  const double y = e / (e + 2);
  return x != x ? x : x < 0 ? -y : y;
}

double sigmoid(double x) { return 1 / (1 + exp(-x)); }
double sin(double x) { return sin_shifted(x, 0); }
double cos(double x) { return sin_shifted(x, 1); }

double power(double base, long exponent) {
  double y = 1;
  for (double square = base; exponent; exponent >>= 1, square *= square)
    if (exponent & 1) y *= square;
  return y;
}

}  // namespace swarm::fmath
