// From a graph to the list of steps one shard executes and the place of every buffer they touch.
#pragma once
#include <array>
#include <memory>
#include <vector>

#include "engine/core/planner.h"
#include "engine/ops/op.h"

namespace swarm {

enum class Phase : uint8_t { Forward, Loss, Backward };

struct Step {
  Phase phase;
  int node;
  int scratch = -1;                      // buffer, -1: none
  std::array<bool, max_inputs> add{};    // backward: this input's gradient already has a part
};

struct Layout {
  std::vector<std::unique_ptr<Operation>> operations;  // by node; null for leaves and nodes that do not reach the output
  std::vector<Step> steps;
  std::vector<Buffer> buffers;
  std::vector<int> value, aux, gradient;               // buffers by node, -1: none (parameters live outside the arena)
  size_t arena_bytes = 0;
};

// Which nodes the output depends on.
std::vector<bool> live_nodes(const Graph& graph);

// N: tokens of one shard. Without `training` there is neither loss nor backward, and the output lives to the end.
Layout lay_out(const Graph& graph, int N, bool training, bool overwriting = false);

}  // namespace swarm
