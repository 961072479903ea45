// The float64 oracle: the same graph, run by the ops' naive loops, gradients by the same rules. For tests only.
#pragma once
#include <memory>
#include <vector>

#include "engine/ops/op.h"

namespace swarm {

class Reference {
 public:
  Reference(const Graph& graph, int rows);

  // Parameter values by node, [rows, cols]; empty for other nodes. Free to be changed between calls.
  std::vector<std::vector<double>> values;
  std::vector<std::vector<double>> gradients;  // by node, after backward
  int tokens() const { return N_; }

  const std::vector<double>& forward(const uint16_t* tokens);                 // -> output [N, vocab]
  double loss(const uint16_t* tokens, const uint16_t* targets);               // mean cross-entropy in nats
  void backward(const uint16_t* tokens, std::vector<double> output_gradient);  // after forward
  double loss_and_gradients(const uint16_t* tokens, const uint16_t* targets);

 private:
  Frame<double> frame(int node, const uint16_t* tokens);

  Graph graph_;
  int N_;
  std::vector<bool> live_;
  std::vector<std::unique_ptr<Operation>> operations_;
  std::vector<std::vector<double>> aux_;
};

}  // namespace swarm
