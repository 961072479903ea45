// The judge's end of docs/decisions/0009: a checkpoint whose graph has custom ops, run by the judge but for what is not its own to run.
// The experiment's code gets activations and its own parameters, a process at a time, and no token, no target and no other weight.
#pragma once
#include <string>
#include <vector>

#include "engine/core/graph.h"

namespace swarm {

class OwnCode {
 public:
  // The two ends the launcher left. Throws Failure(Exit::internal) where it left none.
  OwnCode();

  // The graph with every custom op answered from outside. Refers to this object.
  Graph answered(const Graph& graph);

 private:
  // Throws Failure: Exit::checkpoint with what the code did wrong.
  void ask(const Shape& shape, int node, const std::string& name, const std::vector<uint64_t>& floats, int cols, const Frame<float>& f);
  double began_ = 0;  // the first question; 0: none yet
};

}  // namespace swarm
