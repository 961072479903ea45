// scan: a linear recurrence a channel, h[t] = a[t] * h[t - 1] + b[t] inside the row, h before the row is 0. Gates are the graph's own:
// a minGRU is scan(1 - z, z * candidate), a gated SSM scan(exp(-softplus(d)), d * x). Inputs: a, b [N, C].
// CUDA: engine/cuda/scan.cu, same contract (one thread a channel; chunks with a carried product where rows are long).
#pragma once
#include "engine/cpu/kernels.h"
#include "engine/ops/op.h"

namespace swarm {

inline void shape_of_scan(const Graph& graph, Node& node) {
  require_inputs(node, 2, "scan");
  const Node& a = require_activation(graph, node, 0, "scan");
  const Node& b = require_activation(graph, node, 1, "scan");
  if (a.cols != b.cols) refuse("scan: a has " + std::to_string(a.cols) + " channels and b has " + std::to_string(b.cols) + ": they must be as wide");
  node.rows = 0;
  node.cols = a.cols;
}

class ScanOperation : public Operation {
 public:
  ScanOperation(const Graph& graph, const Node& node) : T_(graph.shape().T), cols_(node.cols) {}
  bool backward_reads_input(int i) const override { return i == 0; }
  bool backward_reads_output() const override { return true; }
  Work forward_work(int N) const override { return {2.0 * N * cols_, 12.0 * N * cols_, pace}; }
  Work backward_work(int N) const override { return {5.0 * N * cols_, 20.0 * N * cols_, pace}; }

  void forward(const Frame<float>& f) const override { cpu::kernels().scan_forward(f.N / T_, T_, cols_, f.in[0], f.in[1], f.out); }
  void backward(const Frame<float>& f) const override {
    cpu::kernels().scan_backward(f.N / T_, T_, cols_, f.in[0], f.out, f.dout, f.add[0], f.din[0], f.add[1], f.din[1]);
  }
  void forward(const Frame<double>& f) const override {
    for (int n = 0; n < f.N; n++)
      for (int c = 0; c < cols_; c++) {
        const size_t i = size_t(n) * cols_ + c;
        f.out[i] = (n % T_ ? f.in[0][i] * f.out[i - cols_] : 0) + f.in[1][i];
      }
  }
  void backward(const Frame<double>& f) const override {
    for (int c = 0; c < cols_; c++) {
      double carried = 0;
      for (int n = f.N - 1; n >= 0; n--) {
        const size_t i = size_t(n) * cols_ + c;
        const double s = f.dout[i] + carried;
        f.din[0][i] += n % T_ ? s * f.out[i - cols_] : 0;
        f.din[1][i] += s;
        carried = n % T_ ? s * f.in[0][i] : 0;
      }
    }
  }

 private:
  static constexpr double pace = 0.55;  // not measured yet: charged as if 20 GB/s were all it moves
  int T_, cols_;
};

inline const Rule scan_rule{"scan", Causality::CausalMixer, shape_of_scan,
                            [](const Graph& g, const Node& n) -> std::unique_ptr<Operation> { return std::make_unique<ScanOperation>(g, n); }};

}  // namespace swarm
