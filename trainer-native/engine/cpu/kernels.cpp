// Chooses the table of kernels for this processor, and what of their interface needs no vectors.
#include "engine/cpu/kernels.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

#include "engine/cpu/attention_plan.h"
#include "engine/cpu/fmath.h"
#include "engine/cpu/isa.h"

namespace swarm::cpu {

namespace {

bool processor_has_avx512() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}
bool processor_has_avx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

}  // namespace

const Kernels* kernels_of(const char* isa) {
  const std::string name = isa;
  if (name == "avx512") return processor_has_avx512() ? kernels_avx512() : nullptr;
  if (name == "avx2") return processor_has_avx2() ? kernels_avx2() : nullptr;
  return name == "portable" ? kernels_portable() : nullptr;
}

const Kernels& kernels_asked_for(const char* isa) {
  if (isa && *isa) {
    if (const Kernels* table = kernels_of(isa)) return *table;
    throw std::runtime_error(std::string("SWARM_ISA=") + isa + " cannot run here; use avx512, avx2 or portable, or unset it");
  }
  for (const char* best : {"avx512", "avx2"})
    if (const Kernels* table = kernels_of(best)) return *table;
  return *kernels_portable();
}

const Kernels& kernels() {
  static const Kernels& table = kernels_asked_for(std::getenv("SWARM_ISA"));
  return table;
}

void rope_table(int T, int head_dim, float base, float* cos, float* sin) {
  const int half = head_dim / 2;
  const double log_base = fmath::log(static_cast<double>(base));
  for (int t = 0; t < T; t++)
    for (int i = 0; i < half; i++) {
      const double angle = t * fmath::exp(-2.0 * i / head_dim * log_base);
      cos[t * half + i] = static_cast<float>(fmath::cos(angle));
      sin[t * half + i] = static_cast<float>(fmath::sin(angle));
    }
}

long attention_scratch_floats(const Attention& a) { return plan_attention(a).floats; }

}  // namespace swarm::cpu
