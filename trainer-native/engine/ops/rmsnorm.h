// rmsnorm: each group of channels to unit mean square, no weights. One group: the usual norm; one a head: QK-norm.
// ints: channels in a group (0 in the description means all).
#pragma once
#include <cmath>

#include "engine/cpu/kernels.h"
#include "engine/ops/op.h"

namespace swarm {

constexpr float rmsnorm_eps = 1.1920929e-7f;  // float32 epsilon, as the reference has it

inline void shape_of_rmsnorm(const Graph& graph, Node& node) {
  require_inputs(node, 1, "rmsnorm");
  const Node& x = require_activation(graph, node, 0, "rmsnorm");
  if (node.ints[0] == 0) node.ints[0] = x.cols;
  if (node.ints[0] < 1 || x.cols % node.ints[0])
    refuse("rmsnorm: groups of " + std::to_string(node.ints[0]) + " channels do not divide " + std::to_string(x.cols));
  node.rows = 0;
  node.cols = x.cols;
}

class RmsNorm : public Operation {
 public:
  RmsNorm(const Graph&, const Node& node) : cols_(node.cols), group_(node.ints[0]), groups_(node.cols / node.ints[0]) {}
  bool backward_reads_input(int) const override { return true; }
  size_t aux_floats(int N) const override { return size_t(N) * groups_; }  // rstd [N, groups]
  Work forward_work(int N) const override { return {4.0 * N * cols_, 8.0 * N * cols_}; }
  Work backward_work(int N) const override { return {8.0 * N * cols_, 12.0 * N * cols_}; }

  void forward(const Frame<float>& f) const override {
    cpu::kernels().rmsnorm_forward(f.N, groups_, group_, f.in[0], cols_, rmsnorm_eps, f.out, cols_, f.aux);
  }
  void backward(const Frame<float>& f) const override {
    cpu::kernels().rmsnorm_backward(f.N, groups_, group_, f.dout, cols_, f.in[0], cols_, f.aux, f.add[0], f.din[0], cols_);
  }
  void forward(const Frame<double>& f) const override {
    for (int g = 0; g < f.N * groups_; g++) {
      const double* x = f.in[0] + size_t(g) * group_;
      double squares = 0;
      for (int c = 0; c < group_; c++) squares += x[c] * x[c];
      f.aux[g] = 1 / std::sqrt(squares / group_ + rmsnorm_eps);
      for (int c = 0; c < group_; c++) f.out[size_t(g) * group_ + c] = x[c] * f.aux[g];
    }
  }
  void backward(const Frame<double>& f) const override {  // dx = r (dy - y mean(dy y)), y = x r
    for (int g = 0; g < f.N * groups_; g++) {
      const double *x = f.in[0] + size_t(g) * group_, *dy = f.dout + size_t(g) * group_;
      const double r = f.aux[g];
      double mean = 0;
      for (int c = 0; c < group_; c++) mean += dy[c] * x[c] * r / group_;
      for (int c = 0; c < group_; c++) f.din[0][size_t(g) * group_ + c] += r * (dy[c] - x[c] * r * mean);
    }
  }

 private:
  int cols_, group_, groups_;
};

inline const Rule rmsnorm_rule{"rmsnorm", Causality::Tokenwise, shape_of_rmsnorm,
                               [](const Graph& g, const Node& n) -> std::unique_ptr<Operation> { return std::make_unique<RmsNorm>(g, n); }};

}  // namespace swarm
