// What every op says about itself. One header per op fills in a Rule (before any memory exists) and an Operation (what runs).
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "engine/core/frame.h"
#include "engine/core/graph.h"
#include "engine/core/refused.h"

namespace swarm {

// Who may look at whom. Anything that mixes tokens otherwise has no place here, which is what makes causality a walk over the graph.
enum class Causality {
  Leaf,         // tokens and parameters
  Tokenwise,    // position i of the output reads position i of the inputs, and parameters
  CausalMixer,  // position i reads positions <= i of the same row
  Unproved,     // code of the experiment's own: tried out, never proved
};

struct Work {
  double flops = 0;
  double bytes = 0;
  double pace = 1;  // share of the reference core's rates that this op's kernels reach, measured: bench-step
};

constexpr double special_flops = 18;  // one exp, tanh, log, sigmoid, sqrt or division, as arithmetic of our polynomials

class Operation {
 public:
  virtual ~Operation() = default;
  virtual bool backward_reads_input(int) const { return false; }
  virtual bool backward_reads_output() const { return false; }
  virtual bool passes_gradient(int) const { return false; }  // the gradient of this input is that of the output, number for number
  virtual bool may_overwrite(int) const { return false; }  // forward may write its output over this input
  virtual size_t aux_floats(int /*N*/) const { return 0; }
  virtual size_t scratch_floats(int /*N*/, bool /*adds: any gradient is added to*/) const { return 0; }
  virtual size_t table_bytes() const { return 0; }  // constants the op owns, made once at set-up
  virtual Work forward_work(int N) const = 0;
  virtual Work backward_work(int N) const = 0;
  virtual void forward(const Frame<float>&) const = 0;
  virtual void backward(const Frame<float>&) const = 0;
  virtual void forward(const Frame<double>&) const = 0;   // the oracle: naive loops
  virtual void backward(const Frame<double>&) const = 0;  // always adds to din
};

struct Rule {
  const char* name;
  Causality causality;
  void (*shape)(const Graph&, Node&);                              // throws Refused, fills in cols
  std::unique_ptr<Operation> (*make)(const Graph&, const Node&);   // null for leaves
};

const Rule& rule(Op op);

// What shape rules are made of.
inline const Node& input(const Graph& graph, const Node& node, int i) { return graph.nodes()[node.inputs[i]]; }

inline void require_inputs(const Node& node, size_t count, const char* op) {
  if (node.inputs.size() != count) refuse(std::string(op) + " takes " + std::to_string(count) + " inputs, got " + std::to_string(node.inputs.size()));
}

inline const Node& require_activation(const Graph& graph, const Node& node, int i, const char* op) {
  const Node& in = input(graph, node, i);
  if (in.op == Op::Tokens || in.op == Op::Param)
    refuse(std::string(op) + ": input " + std::to_string(i) + " must be an activation (one row per token), not tokens or a parameter");
  return in;
}

inline const Node& require_parameter(const Graph& graph, const Node& node, int i, const char* op) {
  const Node& in = input(graph, node, i);
  if (in.op != Op::Param)
    refuse(std::string(op) + ": input " + std::to_string(i) + " must be a parameter; an activation there would mix tokens");
  return in;
}

}  // namespace swarm
