#include "engine/core/start.h"

#include <cmath>

#include "engine/core/philox.h"
#include "engine/cpu/fmath.h"

namespace swarm {
namespace {

uint64_t stream_of(const std::string& name) {  // FNV-1a
  uint64_t hash = 0xcbf29ce484222325;
  for (unsigned char c : name) hash = (hash ^ c) * 0x100000001b3;
  return hash;
}

// Box-Muller: two uniform numbers give two normal ones.
void two_normals(uint32_t a, uint32_t b, double* out) {
  const double radius = std::sqrt(-2 * fmath::log((a + 1.0) * 0x1p-32)), angle = 6.283185307179586 * (b * 0x1p-32);
  out[0] = radius * fmath::cos(angle);
  out[1] = radius * fmath::sin(angle);
}

}  // namespace

void start(const Init& init, uint64_t seed, const std::string& name, size_t count, float* values) {
  const uint64_t stream = stream_of(name);
  for (size_t i = 0; i < count; i += 4) {
    double drawn[4] = {1, 1, 1, 1};
    if (init.kind != Init::Constant) {
      const auto bits = philox(seed, stream, i / 4);
      if (init.kind == Init::Uniform) for (int j = 0; j < 4; j++) drawn[j] = (bits[j] >> 8) * 0x1p-23 - 1;
      else for (int j = 0; j < 4; j += 2) two_normals(bits[j], bits[j + 1], drawn + j);
    }
    for (size_t j = 0; j < 4 && i + j < count; j++) values[i + j] = static_cast<float>(drawn[j] * init.scale);
  }
}

}  // namespace swarm
