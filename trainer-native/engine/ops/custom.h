// custom_op: code of the experiment's own in the frame of an op. Nothing about it can be proved, so it is checked before it may train
// (engine/core/custom_check.h), named in the report, and no checkpoint holds it: a judge has it answered from outside (judge/own_code.h). ints: channels. name: its name.
// On a GPU the same contract will take device functions; until then a network with one trains on the CPU alone.
#pragma once
#include <functional>
#include <vector>

#include "engine/cpu/kernels.h"
#include "engine/ops/op.h"

namespace swarm {

inline void shape_of_custom(const Graph& graph, Node& node) {
  if (node.inputs.empty()) refuse("custom_op takes at least 1 input");
  const bool plain = node.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.-") == std::string::npos;
  if (node.name.empty() || node.name.size() > 100 || !plain) refuse("a custom_op needs a name of 1 to 100 small letters, digits, _ . or -");
  bool has_activation = false;
  for (size_t i = 0; i < node.inputs.size(); i++) {
    const Node& in = input(graph, node, static_cast<int>(i));
    if (in.op == Op::Tokens) refuse("custom_op " + node.name + ": tokens are ids, not numbers; embed them first");
    has_activation |= in.op != Op::Param;
  }
  if (!has_activation) refuse("custom_op " + node.name + ": at least one input must be an activation");
  node.rows = 0;
  node.cols = node.ints[0];
}

class CustomOperation : public Operation {
 public:
  CustomOperation(const Graph& graph, const Node& node) : functions_(node.custom), answered_(node.answered), out_(node.cols) {
    if (!functions_ && !answered_) refuse("custom_op " + node.name + " has no code here: it is the experiment's own");
    for (size_t i = 0; i < node.inputs.size(); i++) {
      const Node& in = input(graph, node, static_cast<int>(i));
      rows_.push_back(in.op == Op::Param ? in.rows : 0);
      cols_.push_back(in.cols);
    }
  }
  bool backward_reads_input(int) const override { return true; }
  bool backward_reads_output() const override { return true; }
  Work forward_work(int N) const override { return {0, 4 * numbers(N)}; }  // what is computed nobody knows: clocks only, see harness
  Work backward_work(int N) const override { return {0, 12 * numbers(N)}; }

  // Tokens are not its to see, neither where it trains nor where it is judged.
  void forward(const Frame<float>& f) const override {
    Frame<float> own = f;
    own.tokens = nullptr;
    if (functions_) functions_->forward(own);
    else answered_(own);
  }
  void backward(const Frame<float>& f) const override {
    for (size_t i = 0; i < cols_.size(); i++)
      if (!f.add[i]) cpu::kernels().fill(count(f.N, i), 0.0f, f.din[i]);
    Frame<float> own = f;
    own.tokens = nullptr;
    functions_->backward(own);
  }
  void forward(const Frame<double>& f) const override { functions_->forward64(f); }
  void backward(const Frame<double>& f) const override { functions_->backward64(f); }

 private:
  long count(int N, size_t i) const { return long(rows_[i] ? rows_[i] : N) * cols_[i]; }
  double numbers(int N) const {
    double sum = double(N) * out_;
    for (size_t i = 0; i < cols_.size(); i++) sum += double(count(N, i));
    return sum;
  }
  const CustomFunctions* functions_;
  std::function<void(const Frame<float>&)> answered_;
  int out_;
  std::vector<int> rows_, cols_;  // of the inputs; 0 rows: one a token
};

inline const Rule custom_rule{"custom_op", Causality::Unproved, shape_of_custom,
                              [](const Graph& g, const Node& n) -> std::unique_ptr<Operation> { return std::make_unique<CustomOperation>(g, n); }};

}  // namespace swarm
