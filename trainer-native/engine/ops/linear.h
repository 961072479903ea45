// linear: out = x * weight^T. Inputs: x [N, in], weight [out, in]; no bias.
#pragma once
#include "engine/cpu/kernels.h"
#include "engine/ops/op.h"

namespace swarm {

inline void shape_of_linear(const Graph& graph, Node& node) {
  require_inputs(node, 2, "linear");
  const Node& x = require_activation(graph, node, 0, "linear");
  const Node& weight = require_parameter(graph, node, 1, "linear");
  if (weight.cols != x.cols)
    refuse("linear: weight " + weight.name + " takes " + std::to_string(weight.cols) + " channels, its input has " + std::to_string(x.cols));
  node.rows = 0;
  node.cols = weight.rows;
}

class Linear : public Operation {
 public:
  Linear(const Graph& graph, const Node& node) : in_(input(graph, node, 0).cols), out_(node.cols) {}
  bool backward_reads_input(int) const override { return true; }
  Work forward_work(int N) const override { return {2.0 * N * in_ * out_, traffic(N)}; }
  Work backward_work(int N) const override { return {4.0 * N * in_ * out_, 2 * traffic(N)}; }

  void forward(const Frame<float>& f) const override { 
    cpu::kernels().gemm(cpu::Form::NT, f.N, out_, in_, f.in[0], in_, f.in[1], in_, 0, f.out, out_);
   }
  void backward(const Frame<float>& f) const override {
    cpu::kernels().gemm(cpu::Form::NN, f.N, in_, out_, f.dout, out_, f.in[1], in_, f.add[0], f.din[0], in_);
    cpu::kernels().gemm(cpu::Form::TN, out_, in_, f.N, f.dout, out_, f.in[0], in_, f.add[1], f.din[1], in_);
  }
  void forward(const Frame<double>& f) const override {
    for (int n = 0; n < f.N; n++)
      for (int o = 0; o < out_; o++) {
        double sum = 0;
        for (int i = 0; i < in_; i++) sum += f.in[0][size_t(n) * in_ + i] * f.in[1][size_t(o) * in_ + i];
        f.out[size_t(n) * out_ + o] = sum;
      }
  }
  void backward(const Frame<double>& f) const override {
    for (int n = 0; n < f.N; n++)
      for (int o = 0; o < out_; o++) {
        const double d = f.dout[size_t(n) * out_ + o];
        for (int i = 0; i < in_; i++) {
          f.din[0][size_t(n) * in_ + i] += d * f.in[1][size_t(o) * in_ + i];
          f.din[1][size_t(o) * in_ + i] += d * f.in[0][size_t(n) * in_ + i];
        }
      }
  }

 private:
  double traffic(int N) const { return 4.0 * (double(N) * in_ + double(in_) * out_ + double(N) * out_); }
  int in_, out_;
};

inline const Rule linear_rule{"linear", Causality::Tokenwise, shape_of_linear,
                              [](const Graph& g, const Node& n) -> std::unique_ptr<Operation> { return std::make_unique<Linear>(g, n); }};

}  // namespace swarm
