// The kernels for processors with AVX-512 F, DQ, BW, VL. Flags: -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma.
// Elsewhere, or without the flags, the table does not exist.
#include "engine/cpu/isa.h"

#if defined(__AVX512F__) && defined(__AVX512DQ__)
#include "engine/cpu/table.h"
namespace swarm::cpu {
static const Kernels table = SWARM_KERNEL_TABLE;
const Kernels* kernels_avx512() { return &table; }
}  // namespace swarm::cpu
#else
namespace swarm::cpu {
const Kernels* kernels_avx512() { return nullptr; }
}  // namespace swarm::cpu
#endif
