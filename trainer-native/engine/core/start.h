// The first values of a parameter.
#pragma once
#include <cstdint>
#include <string>

#include "engine/core/graph.h"

namespace swarm {

// Fills values [count] from the stream that belongs to this seed and name: adding a parameter changes no other.
void start(const Init& init, uint64_t seed, const std::string& name, size_t count, float* values);

}  // namespace swarm
