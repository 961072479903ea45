// cos and sin of every rope, which live beside the plan's memory for as long as the network does.
#pragma once
#include <vector>

#include "engine/core/graph.h"
#include "engine/cuda/memory.h"

namespace swarm::cuda {

size_t table_bytes(const Graph& graph);
// By node: where its table is, [2, T, head_dim / 2]; null where it needs none. Ropes of one shape share one.
std::vector<const float*> fill_tables(const Graph& graph, const Memory& memory);

}  // namespace swarm::cuda
