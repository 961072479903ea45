// What stands in for a proof where an experiment brings its own op: it is tried out on random numbers before it may train.
#pragma once
#include <string>
#include <vector>

#include "engine/core/graph.h"

namespace swarm {

// The names of the ops that are the experiment's own, each once, in the order of the graph.
std::vector<std::string> custom_ops(const Graph& graph);

// Runs custom_op `node` on random inputs of its own shapes; throws Refused unless
//   its gradient agrees with central differences in float64, for each input along random directions (1e-6),
//   float32 agrees with float64 (1e-4), and with itself bit for bit: again, with rows in another order, with a row alone,
//   tokens after a random cut, or other rows, change no bit of what comes before.
// A leak that only rare numbers open is not found this way: that is why such a network is not judged like others.
void require_honest_custom(const Graph& graph, int node);

}  // namespace swarm
