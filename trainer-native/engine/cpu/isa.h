// What the three isa_*.cpp export and kernels.cpp chooses from: null when the build has no such table.
#pragma once
#include "engine/cpu/kernels.h"

namespace swarm::cpu {

const Kernels* kernels_avx512();
const Kernels* kernels_avx2();
const Kernels* kernels_portable();

}  // namespace swarm::cpu
