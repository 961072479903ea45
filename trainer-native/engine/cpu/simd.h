// V16: sixteen float lanes, the only vector type of the kernels. One AVX-512 register, two AVX2 registers, or an array.
// Every operation here is exact or correctly rounded, so the three give the same bits. Compiled once per instruction set;
// everything is in an unnamed namespace so that the linker can never mix two of them.
// defines: V16, loads and stores, arithmetic, selections, exponent tricks, horizontal sum
#pragma once
#include <cstdint>

#define SWARM_INLINE [[gnu::always_inline]] inline

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#include "engine/cpu/simd_avx512.h"
#elif defined(__AVX2__) && defined(__FMA__)
#include "engine/cpu/simd_avx2.h"
#else
#include "engine/cpu/simd_portable.h"
#endif

namespace swarm::cpu {
namespace {

SWARM_INLINE V16 square(V16 a) { return a * a; }
// NaN in, NaN out; the hardware's max and min drop one of the two.
SWARM_INLINE V16 maximum(V16 a, V16 b) { return select_nan(a, a, greater(a, b)); }
SWARM_INLINE V16 minimum(V16 a, V16 b) { return select_nan(a, a, lesser(a, b)); }
// The integer nearest to a b, ties to even, for |a b| < 2^22: adding 1.5 * 2^23 leaves no fraction bits.
SWARM_INLINE V16 nearest_product(V16 a, V16 b) {
  const V16 magic = splat(12582912.0f);
  return fma(a, b, magic) - magic;
}

}  // namespace
}  // namespace swarm::cpu
