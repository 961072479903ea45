// bfloat16: the upper half of a float32. Activations, their gradients and the operands of products; sums are float32.
#pragma once
#include <cstdint>
#include <cstring>

#ifdef __CUDACC__
#define SWARM_BOTH __host__ __device__
#else
#define SWARM_BOTH
#endif

namespace swarm::cuda {

struct bf16 {
  uint16_t bits;
};

SWARM_BOTH inline float to_float(bf16 x) {
  const uint32_t bits = uint32_t{x.bits} << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

// Round to nearest, ties to even; NaN stays NaN.
SWARM_BOTH inline bf16 to_bf16(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  if ((bits & 0x7fffffff) > 0x7f800000) return {uint16_t(bits >> 16 | 0x40)};
  return {uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
}

// Two numbers side by side in one register, the first in the lower half.
SWARM_BOTH inline uint32_t pack(float low, float high) {
#ifdef __CUDA_ARCH__
  uint32_t both;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  return both;
#else
  return uint32_t{to_bf16(low).bits} | uint32_t{to_bf16(high).bits} << 16;
#endif
}

}  // namespace swarm::cuda
