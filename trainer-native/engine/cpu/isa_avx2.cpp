// The kernels for processors with AVX2 and FMA. Flags: -mavx2 -mfma. Elsewhere, or without the flags, the table does not exist.
#include "engine/cpu/isa.h"

#if defined(__AVX2__) && defined(__FMA__)
#include "engine/cpu/table.h"
namespace swarm::cpu {
static const Kernels table = SWARM_KERNEL_TABLE;
const Kernels* kernels_avx2() { return &table; }
}  // namespace swarm::cpu
#else
namespace swarm::cpu {
const Kernels* kernels_avx2() { return nullptr; }
}  // namespace swarm::cpu
#endif
