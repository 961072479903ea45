// What a step is charged for, op by op: the same for a network on the CPU and for the same one on a device, so that a `work:` budget
// buys both the same number of steps.
#pragma once
#include "engine/core/layout.h"
#include "engine/core/network.h"

namespace swarm {

// N tokens go through the layout `parts` times; without an optimizer nothing is updated.
std::vector<Cost> costs_of(const Graph& graph, const Layout& layout, int N, int parts, const Optimizer* optimizer);

}  // namespace swarm
