// V16 as two AVX2 registers.
#pragma once
#include <immintrin.h>

namespace swarm::cpu {
namespace {

constexpr const char* kIsa = "avx2";
struct V16 { __m256 a, b; };  // lanes 0..7, 8..15

SWARM_INLINE V16 splat(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
SWARM_INLINE V16 zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
SWARM_INLINE V16 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
SWARM_INLINE void store(float* p, V16 x) { _mm256_storeu_ps(p, x.a), _mm256_storeu_ps(p + 8, x.b); }
SWARM_INLINE __m256i first_lanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
// The first n lanes, 0 < n < 16; the others are 0 and are not written.
SWARM_INLINE V16 load_part(const float* p, int n) {
  return {_mm256_maskload_ps(p, first_lanes(n)), n > 8 ? _mm256_maskload_ps(p + 8, first_lanes(n - 8)) : _mm256_setzero_ps()};
}
SWARM_INLINE void store_part(float* p, V16 x, int n) {
  _mm256_maskstore_ps(p, first_lanes(n), x.a);
  if (n > 8) _mm256_maskstore_ps(p + 8, first_lanes(n - 8), x.b);
}

SWARM_INLINE V16 operator+(V16 x, V16 y) { return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)}; }
SWARM_INLINE V16 operator-(V16 x, V16 y) { return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)}; }
SWARM_INLINE V16 operator*(V16 x, V16 y) { return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)}; }
SWARM_INLINE V16 operator/(V16 x, V16 y) { return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)}; }
SWARM_INLINE V16 fma(V16 x, V16 y, V16 z) { return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)}; }     // x y + z
SWARM_INLINE V16 fnma(V16 x, V16 y, V16 z) { return {_mm256_fnmadd_ps(x.a, y.a, z.a), _mm256_fnmadd_ps(x.b, y.b, z.b)}; }  // z - x y
SWARM_INLINE V16 root(V16 x) { return {_mm256_sqrt_ps(x.a), _mm256_sqrt_ps(x.b)}; }
SWARM_INLINE V16 greater(V16 x, V16 y) { return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)}; }  // x > y ? x : y
SWARM_INLINE V16 lesser(V16 x, V16 y) { return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)}; }   // x < y ? x : y

template <int Compare>
SWARM_INLINE V16 select_when(V16 x, V16 y, V16 yes, V16 no) {
  return {_mm256_blendv_ps(no.a, yes.a, _mm256_cmp_ps(x.a, y.a, Compare)), _mm256_blendv_ps(no.b, yes.b, _mm256_cmp_ps(x.b, y.b, Compare))};
}
SWARM_INLINE V16 select_less(V16 x, V16 y, V16 yes, V16 no) { return select_when<_CMP_LT_OQ>(x, y, yes, no); }
SWARM_INLINE V16 select_at_least(V16 x, V16 y, V16 yes, V16 no) { return select_when<_CMP_GE_OQ>(x, y, yes, no); }
SWARM_INLINE V16 select_nan(V16 x, V16 yes, V16 no) { return select_when<_CMP_UNORD_Q>(x, x, yes, no); }

SWARM_INLINE V16 magnitude(V16 x) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(sign, x.a), _mm256_andnot_ps(sign, x.b)};
}
SWARM_INLINE V16 with_sign_of(V16 x, V16 s) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  return {_mm256_or_ps(x.a, _mm256_and_ps(sign, s.a)), _mm256_or_ps(x.b, _mm256_and_ps(sign, s.b))};
}
SWARM_INLINE __m256 power_of_two(__m256 n) {  // n in [-126, 127]
  const __m256i bits = _mm256_castps_si256(_mm256_add_ps(n, _mm256_set1_ps(8388608.0f + 127.0f)));
  return _mm256_castsi256_ps(_mm256_slli_epi32(bits, 23));
}
// In two factors: the first product is exact, so the result rounds once even below 2^-126.
SWARM_INLINE __m256 times_power_of_two(__m256 a, __m256 n) {
  const __m256 magic = _mm256_set1_ps(12582912.0f);
  const __m256 half = _mm256_sub_ps(_mm256_add_ps(_mm256_mul_ps(n, _mm256_set1_ps(0.5f)), magic), magic);
  return _mm256_mul_ps(_mm256_mul_ps(a, power_of_two(half)), power_of_two(_mm256_sub_ps(n, half)));
}
// a 2^n for a whole number n in [-252, 254].
SWARM_INLINE V16 times_power_of_two(V16 x, V16 n) { return {times_power_of_two(x.a, n.a), times_power_of_two(x.b, n.b)}; }
SWARM_INLINE __m256 exponent(__m256 x) {
  const __m256i bits = _mm256_srli_epi32(_mm256_castps_si256(x), 23);
  return _mm256_cvtepi32_ps(_mm256_sub_epi32(bits, _mm256_set1_epi32(127)));
}
SWARM_INLINE __m256 mantissa(__m256 x) {
  const __m256i bits = _mm256_and_si256(_mm256_castps_si256(x), _mm256_set1_epi32(0x007fffff));
  return _mm256_castsi256_ps(_mm256_or_si256(bits, _mm256_set1_epi32(0x3f800000)));
}
// A positive normal x is mantissa(x) * 2^exponent(x) with mantissa in [1, 2).
SWARM_INLINE V16 exponent(V16 x) { return {exponent(x.a), exponent(x.b)}; }
SWARM_INLINE V16 mantissa(V16 x) { return {mantissa(x.a), mantissa(x.b)}; }
// Lanes 8 apart, then 4, 2, 1.
SWARM_INLINE float horizontal_sum(V16 x) {
  const __m256 b = _mm256_add_ps(x.a, x.b);
  const __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
  const __m128 d = _mm_add_ps(c, _mm_movehl_ps(c, c));
  return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
}
SWARM_INLINE float horizontal_max(V16 x) {  // same tree; with a NaN among the lanes the result may be any of them
  const __m256 b = _mm256_max_ps(x.a, x.b);
  const __m128 c = _mm_max_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
  const __m128 d = _mm_max_ps(c, _mm_movehl_ps(c, c));
  return _mm_cvtss_f32(_mm_max_ss(d, _mm_movehdup_ps(d)));
}
// 0, 1, .. 15
SWARM_INLINE V16 lane_numbers() { return {_mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7), _mm256_setr_ps(8, 9, 10, 11, 12, 13, 14, 15)}; }

}  // namespace
}  // namespace swarm::cpu
