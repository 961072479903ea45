// tokens and parameters: where every computation starts.
#pragma once
#include <cmath>

#include "engine/ops/op.h"

namespace swarm {

inline void shape_of_tokens(const Graph& graph, Node& node) {
  require_inputs(node, 0, "tokens");
  for (const Node& other : graph.nodes()) if (other.op == Op::Tokens) refuse("tokens are declared twice");
  node.rows = 0;
  node.cols = 1;
}

inline void shape_of_param(const Graph& graph, Node& node) {
  require_inputs(node, 0, "param");
  if (node.name.empty() || node.name.size() > 200) refuse("a parameter needs a name of 1 to 200 characters");
  for (const Node& other : graph.nodes()) if (other.name == node.name) refuse("parameter " + node.name + " is declared twice");
  const bool sides = node.rows >= 1 && node.cols >= 1 && node.rows <= (1 << 20) && node.cols <= (1 << 20);
  if (!sides || int64_t{node.rows} * node.cols > (int64_t{1} << 30))
    refuse("parameter " + node.name + " is " + std::to_string(node.rows) + "x" + std::to_string(node.cols) +
           ": sides of 1 to 1048576 and at most 2^30 numbers");
  if (node.init.kind > Init::Uniform || !std::isfinite(node.init.scale)) refuse("parameter " + node.name + " has no finite init");
}

inline const Rule tokens_rule{"tokens", Causality::Leaf, shape_of_tokens, nullptr};
inline const Rule param_rule{"param", Causality::Leaf, shape_of_param, nullptr};

}  // namespace swarm
