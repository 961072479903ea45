// The kernels for every processor: no flags of its own.
#include "engine/cpu/isa.h"
#include "engine/cpu/table.h"

namespace swarm::cpu {
static const Kernels table = SWARM_KERNEL_TABLE;
const Kernels* kernels_portable() { return &table; }
}  // namespace swarm::cpu
