// V16 as one AVX-512 register.
#pragma once
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push  // GCC 12 warns of its own header (GCC bug 105593)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>
#pragma GCC diagnostic pop
#else
#include <immintrin.h>
#endif

namespace swarm::cpu {
namespace {

constexpr const char* kIsa = "avx512";
struct V16 { __m512 v; };

SWARM_INLINE V16 splat(float x) { return {_mm512_set1_ps(x)}; }
SWARM_INLINE V16 zero() { return {_mm512_setzero_ps()}; }
SWARM_INLINE V16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
SWARM_INLINE void store(float* p, V16 a) { _mm512_storeu_ps(p, a.v); }
// The first n lanes, 0 < n < 16; the others are 0 and are not written.
SWARM_INLINE V16 load_part(const float* p, int n) { return {_mm512_maskz_loadu_ps(__mmask16((1u << n) - 1), p)}; }
SWARM_INLINE void store_part(float* p, V16 a, int n) { _mm512_mask_storeu_ps(p, __mmask16((1u << n) - 1), a.v); }

SWARM_INLINE V16 operator+(V16 a, V16 b) { return {_mm512_add_ps(a.v, b.v)}; }
SWARM_INLINE V16 operator-(V16 a, V16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
SWARM_INLINE V16 operator*(V16 a, V16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
SWARM_INLINE V16 operator/(V16 a, V16 b) { return {_mm512_div_ps(a.v, b.v)}; }
SWARM_INLINE V16 fma(V16 a, V16 b, V16 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }    // a b + c
SWARM_INLINE V16 fnma(V16 a, V16 b, V16 c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }  // c - a b
SWARM_INLINE V16 root(V16 a) { return {_mm512_sqrt_ps(a.v)}; }
SWARM_INLINE V16 greater(V16 a, V16 b) { return {_mm512_max_ps(a.v, b.v)}; }  // a > b ? a : b
SWARM_INLINE V16 lesser(V16 a, V16 b) { return {_mm512_min_ps(a.v, b.v)}; }   // a < b ? a : b

SWARM_INLINE V16 select_less(V16 a, V16 b, V16 yes, V16 no) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), no.v, yes.v)};
}
SWARM_INLINE V16 select_at_least(V16 a, V16 b, V16 yes, V16 no) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_GE_OQ), no.v, yes.v)};
}
SWARM_INLINE V16 select_nan(V16 a, V16 yes, V16 no) {
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, a.v, _CMP_UNORD_Q), no.v, yes.v)};
}

SWARM_INLINE V16 magnitude(V16 a) { return {_mm512_andnot_ps(_mm512_set1_ps(-0.0f), a.v)}; }
SWARM_INLINE V16 with_sign_of(V16 a, V16 sign) { return {_mm512_or_ps(a.v, _mm512_and_ps(_mm512_set1_ps(-0.0f), sign.v))}; }
// a 2^n for a whole number n in [-252, 254], rounded once even where the result is below 2^-126.
SWARM_INLINE V16 times_power_of_two(V16 a, V16 n) { return {_mm512_scalef_ps(a.v, n.v)}; }
// A positive normal x is mantissa(x) * 2^exponent(x) with mantissa in [1, 2).
SWARM_INLINE V16 exponent(V16 x) {
  const __m512i bits = _mm512_srli_epi32(_mm512_castps_si512(x.v), 23);
  return {_mm512_cvtepi32_ps(_mm512_sub_epi32(bits, _mm512_set1_epi32(127)))};
}
SWARM_INLINE V16 mantissa(V16 x) {
  const __m512i bits = _mm512_and_si512(_mm512_castps_si512(x.v), _mm512_set1_epi32(0x007fffff));
  return {_mm512_castsi512_ps(_mm512_or_si512(bits, _mm512_set1_epi32(0x3f800000)))};
}
// ((l0+l8)+(l4+l12)) + ..: lanes 8 apart, then 4, 2, 1.
SWARM_INLINE float horizontal_sum(V16 a) {
  const __m256 b = _mm256_add_ps(_mm512_extractf32x8_ps(a.v, 0), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 c = _mm_add_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
  const __m128 d = _mm_add_ps(c, _mm_movehl_ps(c, c));
  return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
}
SWARM_INLINE float horizontal_max(V16 a) {  // same tree; with a NaN among the lanes the result may be any of them
  const __m256 b = _mm256_max_ps(_mm512_extractf32x8_ps(a.v, 0), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 c = _mm_max_ps(_mm256_castps256_ps128(b), _mm256_extractf128_ps(b, 1));
  const __m128 d = _mm_max_ps(c, _mm_movehl_ps(c, c));
  return _mm_cvtss_f32(_mm_max_ss(d, _mm_movehdup_ps(d)));
}
// 0, 1, .. 15
SWARM_INLINE V16 lane_numbers() { return {_mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)}; }

}  // namespace
}  // namespace swarm::cpu
