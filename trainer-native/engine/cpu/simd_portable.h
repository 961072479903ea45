// V16 as an array: any processor, slow without a fused multiply-add instruction, and the yardstick of the other two.
#pragma once
#include <cstring>

namespace swarm::cpu {
namespace {

constexpr const char* kIsa = "portable";
struct V16 { float v[16]; };

template <class Function>
SWARM_INLINE V16 each_lane(Function f) {
  V16 r;
  for (int i = 0; i < 16; i++) r.v[i] = f(i);
  return r;
}
SWARM_INLINE uint32_t bits_of(float x) {
  uint32_t u;
  std::memcpy(&u, &x, 4);
  return u;
}
SWARM_INLINE float from_bits(uint32_t u) {
  float x;
  std::memcpy(&x, &u, 4);
  return x;
}

SWARM_INLINE V16 splat(float x) { return each_lane([=](int) { return x; }); }
SWARM_INLINE V16 zero() { return splat(0.0f); }
SWARM_INLINE V16 load(const float* p) { return each_lane([=](int i) { return p[i]; }); }
SWARM_INLINE void store(float* p, const V16& a) { std::memcpy(p, a.v, 64); }
// The first n lanes, 0 < n < 16; the others are 0 and are not written.
SWARM_INLINE V16 load_part(const float* p, int n) { return each_lane([=](int i) { return i < n ? p[i] : 0.0f; }); }
SWARM_INLINE void store_part(float* p, const V16& a, int n) { std::memcpy(p, a.v, 4 * static_cast<unsigned long>(n)); }

SWARM_INLINE V16 operator+(const V16& a, const V16& b) { return each_lane([&](int i) { return a.v[i] + b.v[i]; }); }
SWARM_INLINE V16 operator-(const V16& a, const V16& b) { return each_lane([&](int i) { return a.v[i] - b.v[i]; }); }
SWARM_INLINE V16 operator*(const V16& a, const V16& b) { return each_lane([&](int i) { return a.v[i] * b.v[i]; }); }
SWARM_INLINE V16 operator/(const V16& a, const V16& b) { return each_lane([&](int i) { return a.v[i] / b.v[i]; }); }
SWARM_INLINE V16 fma(const V16& a, const V16& b, const V16& c) {  // a b + c
  return each_lane([&](int i) { return __builtin_fmaf(a.v[i], b.v[i], c.v[i]); });
}
SWARM_INLINE V16 fnma(const V16& a, const V16& b, const V16& c) {  // c - a b
  return each_lane([&](int i) { return __builtin_fmaf(-a.v[i], b.v[i], c.v[i]); });
}
SWARM_INLINE V16 root(const V16& a) { return each_lane([&](int i) { return __builtin_sqrtf(a.v[i]); }); }
SWARM_INLINE V16 greater(const V16& a, const V16& b) { return each_lane([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; }); }
SWARM_INLINE V16 lesser(const V16& a, const V16& b) { return each_lane([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; }); }

SWARM_INLINE V16 select_less(const V16& a, const V16& b, const V16& yes, const V16& no) {
  return each_lane([&](int i) { return a.v[i] < b.v[i] ? yes.v[i] : no.v[i]; });
}
SWARM_INLINE V16 select_at_least(const V16& a, const V16& b, const V16& yes, const V16& no) {
  return each_lane([&](int i) { return a.v[i] >= b.v[i] ? yes.v[i] : no.v[i]; });
}
SWARM_INLINE V16 select_nan(const V16& a, const V16& yes, const V16& no) {
  return each_lane([&](int i) { return a.v[i] != a.v[i] ? yes.v[i] : no.v[i]; });
}

SWARM_INLINE V16 magnitude(const V16& a) { return each_lane([&](int i) { return from_bits(bits_of(a.v[i]) & 0x7fffffffu); }); }
SWARM_INLINE V16 with_sign_of(const V16& a, const V16& s) {
  return each_lane([&](int i) { return from_bits(bits_of(a.v[i]) | (bits_of(s.v[i]) & 0x80000000u)); });
}
SWARM_INLINE float power_of_two(float n) { return from_bits(bits_of(n + (8388608.0f + 127.0f)) << 23); }  // n in [-126, 127]
// a 2^n for a whole number n in [-252, 254]. In two factors: the first product is exact, so the result rounds once even below 2^-126.
SWARM_INLINE V16 times_power_of_two(const V16& a, const V16& n) {
  return each_lane([&](int i) {
    const float half = (n.v[i] * 0.5f + 12582912.0f) - 12582912.0f;
    return (a.v[i] * power_of_two(half)) * power_of_two(n.v[i] - half);
  });
}
// A positive normal x is mantissa(x) * 2^exponent(x) with mantissa in [1, 2).
SWARM_INLINE V16 exponent(const V16& x) {
  return each_lane([&](int i) { return static_cast<float>(static_cast<int32_t>(bits_of(x.v[i]) >> 23) - 127); });
}
SWARM_INLINE V16 mantissa(const V16& x) {
  return each_lane([&](int i) { return from_bits((bits_of(x.v[i]) & 0x007fffffu) | 0x3f800000u); });
}
// Lanes 8 apart, then 4, 2, 1.
SWARM_INLINE float horizontal_sum(const V16& a) {
  float t[8];
  for (int i = 0; i < 8; i++) t[i] = a.v[i] + a.v[i + 8];
  for (int i = 0; i < 4; i++) t[i] += t[i + 4];
  return (t[0] + t[2]) + (t[1] + t[3]);
}
SWARM_INLINE float larger(float a, float b) { return a > b ? a : b; }
SWARM_INLINE float horizontal_max(const V16& a) {  // same tree; with a NaN among the lanes the result may be any of them
  float t[8];
  for (int i = 0; i < 8; i++) t[i] = larger(a.v[i], a.v[i + 8]);
  for (int i = 0; i < 4; i++) t[i] = larger(t[i], t[i + 4]);
  return larger(larger(t[0], t[2]), larger(t[1], t[3]));
}
// 0, 1, .. 15
SWARM_INLINE V16 lane_numbers() { return each_lane([](int i) { return static_cast<float>(i); }); }

}  // namespace
}  // namespace swarm::cpu
