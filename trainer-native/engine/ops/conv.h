// conv: causal and depthwise, out[t, c] = sum over j = 0 .. taps-1 of weight[j, c] * x[t - j, c] inside the row; tokens before the row
// count as zeros. Inputs: x [N, C], weight [taps, C]. CUDA: engine/cuda/conv.cu, same contract.
#pragma once
#include <algorithm>

#include "engine/cpu/kernels.h"
#include "engine/ops/op.h"

namespace swarm {

constexpr int max_conv_taps = 8;

inline void shape_of_conv(const Graph& graph, Node& node) {
  require_inputs(node, 2, "conv");
  const Node& x = require_activation(graph, node, 0, "conv");
  const Node& weight = require_parameter(graph, node, 1, "conv");
  if (weight.rows > max_conv_taps)
    refuse("conv: weight " + weight.name + " has " + std::to_string(weight.rows) + " taps, at most " + std::to_string(max_conv_taps) +
           " are possible; put several in a row, or use scan, to reach further back");
  if (weight.cols != x.cols)
    refuse("conv: weight " + weight.name + " has " + std::to_string(weight.cols) + " channels, its input has " + std::to_string(x.cols));
  node.rows = 0;
  node.cols = x.cols;
}

class Conv : public Operation {
 public:
  Conv(const Graph& graph, const Node& node) : T_(graph.shape().T), cols_(node.cols), taps_(input(graph, node, 1).rows) {}
  bool backward_reads_input(int) const override { return true; }
  Work forward_work(int N) const override { return {2.0 * N * cols_ * taps_, 8.0 * N * cols_, pace}; }
  Work backward_work(int N) const override { return {4.0 * N * cols_ * taps_, 16.0 * N * cols_, pace}; }

  void forward(const Frame<float>& f) const override { cpu::kernels().conv_forward(f.N / T_, T_, cols_, taps_, f.in[0], f.in[1], f.out); }
  void backward(const Frame<float>& f) const override {
    cpu::kernels().conv_backward(f.N / T_, T_, cols_, taps_, f.in[0], f.in[1], f.dout, f.add[0], f.din[0], f.add[1], f.din[1]);
  }
  void forward(const Frame<double>& f) const override {
    std::fill(f.out, f.out + size_t(f.N) * cols_, 0.0);
    each_product(f.N, [&](size_t out, size_t weight, size_t in) { f.out[out] += f.in[1][weight] * f.in[0][in]; });
  }
  void backward(const Frame<double>& f) const override {
    each_product(f.N, [&](size_t out, size_t weight, size_t in) {
      f.din[0][in] += f.in[1][weight] * f.dout[out];
      f.din[1][weight] += f.in[0][in] * f.dout[out];
    });
  }

 private:
  static constexpr double pace = 0.55;  // not measured yet: charged as if 20 GB/s were all it moves
  template <class Body>
  void each_product(int N, Body body) const {  // places of an output, a weight and an input that meet
    for (int n = 0; n < N; n++)
      for (int j = 0; j < taps_ && j <= n % T_; j++)
        for (int c = 0; c < cols_; c++) body(size_t(n) * cols_ + c, size_t(j) * cols_ + c, size_t(n - j) * cols_ + c);
  }
  int T_, cols_, taps_;
};

inline const Rule conv_rule{"conv", Causality::CausalMixer, shape_of_conv,
                            [](const Graph& g, const Node& n) -> std::unique_ptr<Operation> { return std::make_unique<Conv>(g, n); }};

}  // namespace swarm
