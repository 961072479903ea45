// Small transpositions, a pure matter of moving bits: eight by eight in AVX registers, else element by element.
// defines: transpose16
#pragma once
#include "engine/cpu/simd.h"

namespace swarm::cpu {
namespace {

#if defined(__AVX2__)
SWARM_INLINE void transpose8(const float* from, long from_stride, float* to, long to_stride) {
  __m256 r[8], s[8];
  for (int i = 0; i < 8; i++) r[i] = _mm256_loadu_ps(from + i * from_stride);
  for (int i = 0; i < 8; i += 2) {
    s[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);      // columns 0, 1, 4, 5 of rows i, i+1
    s[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);  // columns 2, 3, 6, 7
  }
  for (int i = 0; i < 8; i += 4)
    for (int j = 0; j < 2; j++) {
      r[i + 2 * j] = _mm256_shuffle_ps(s[i + j], s[i + 2 + j], 0x44);      // columns 2j, 2j+4 of rows i..i+3
      r[i + 2 * j + 1] = _mm256_shuffle_ps(s[i + j], s[i + 2 + j], 0xee);  // columns 2j+1, 2j+5
    }
  for (int j = 0; j < 4; j++) {
    _mm256_storeu_ps(to + j * to_stride, _mm256_permute2f128_ps(r[j], r[j + 4], 0x20));
    _mm256_storeu_ps(to + (j + 4) * to_stride, _mm256_permute2f128_ps(r[j], r[j + 4], 0x31));
  }
}
#endif

// to[j][i] = from[i][j] for 16 by 16.
SWARM_INLINE void transpose16(const float* from, long from_stride, float* to, long to_stride) {
#if defined(__AVX2__)
  for (int i = 0; i < 16; i += 8)
    for (int j = 0; j < 16; j += 8) transpose8(from + i * from_stride + j, from_stride, to + j * to_stride + i, to_stride);
#else
  for (int j = 0; j < 16; j++)
    for (int i = 0; i < 16; i++) to[j * to_stride + i] = from[i * from_stride + j];
#endif
}

}  // namespace
}  // namespace swarm::cpu
