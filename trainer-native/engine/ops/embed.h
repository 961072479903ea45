// embed: out[n] = table[tokens[n]], one row of a parameter per token. Inputs: tokens, table [vocab, C].
#pragma once
#include "engine/cpu/kernels.h"
#include "engine/ops/op.h"

namespace swarm {

inline void shape_of_embed(const Graph& graph, Node& node) {
  require_inputs(node, 2, "embed");
  if (input(graph, node, 0).op != Op::Tokens) refuse("embed: input 0 must be the tokens");
  const Node& table = require_parameter(graph, node, 1, "embed");
  if (table.rows != graph.shape().vocab)
    refuse("embed: table " + table.name + " has " + std::to_string(table.rows) + " rows, the vocabulary needs " +
           std::to_string(graph.shape().vocab));
  node.rows = 0;
  node.cols = table.cols;
}

class Embed : public Operation {
 public:
  Embed(const Graph& graph, const Node& node) : vocab_(graph.shape().vocab), C_(node.cols) {}
  Work forward_work(int N) const override { return {0, 8.0 * N * C_}; }
  Work backward_work(int N) const override { return {1.0 * N * C_, 4.0 * (3.0 * N * C_ + 1.0 * vocab_ * C_)}; }

  void forward(const Frame<float>& f) const override { cpu::kernels().embed(f.N, C_, f.in[1], f.tokens, f.out, C_); }
  void backward(const Frame<float>& f) const override {
    if (!f.add[1]) cpu::kernels().fill(long(vocab_) * C_, 0.0f, f.din[1]);
    cpu::kernels().embed_backward(f.N, C_, f.dout, C_, f.tokens, f.din[1]);
  }
  void forward(const Frame<double>& f) const override {
    for (int n = 0; n < f.N; n++) for (int c = 0; c < C_; c++) f.out[size_t(n) * C_ + c] = f.in[1][size_t(f.tokens[n]) * C_ + c];
  }
  void backward(const Frame<double>& f) const override {
    for (int n = 0; n < f.N; n++) for (int c = 0; c < C_; c++) f.din[1][size_t(f.tokens[n]) * C_ + c] += f.dout[size_t(n) * C_ + c];
  }

 private:
  int vocab_, C_;
};

inline const Rule embed_rule{"embed", Causality::Tokenwise, shape_of_embed,
                             [](const Graph& g, const Node& n) -> std::unique_ptr<Operation> { return std::make_unique<Embed>(g, n); }};

}  // namespace swarm
