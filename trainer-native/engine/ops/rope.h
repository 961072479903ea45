// rope: rotates channel i and i + head_dim/2 of every head by minus position * base^(-2i/head_dim) (half split, the
// reference's sign): y1 = x1 cos + x2 sin, y2 = x2 cos - x1 sin. Position is the place in the row. ints: head_dim; floats: base.
#pragma once
#include <cmath>
#include <vector>

#include "engine/cpu/kernels.h"
#include "engine/ops/op.h"

namespace swarm {

inline void shape_of_rope(const Graph& graph, Node& node) {
  require_inputs(node, 1, "rope");
  const Node& x = require_activation(graph, node, 0, "rope");
  const int head_dim = node.ints[0];
  if (head_dim < 2 || head_dim % 2 || x.cols % head_dim)
    refuse("rope: head dim " + std::to_string(head_dim) + " must be even and divide " + std::to_string(x.cols) + " channels");
  if (!(node.floats[0] > 1 && node.floats[0] < 1e9f)) refuse("rope: base must lie between 1 and 1e9");
  node.rows = 0;
  node.cols = x.cols;
}

class Rope : public Operation {
 public:
  Rope(const Graph& graph, const Node& node) : T_(graph.shape().T), cols_(node.cols), head_dim_(node.ints[0]), base_(node.floats[0]),
        cos_(size_t(T_) * head_dim_ / 2), sin_(cos_.size()) {
    cpu::rope_table(T_, head_dim_, base_, cos_.data(), sin_.data());
  }
  bool may_overwrite(int) const override { return true; }
  size_t table_bytes() const override { return (cos_.size() + sin_.size()) * sizeof(float); }
  Work forward_work(int N) const override { return {3.0 * N * cols_, 8.0 * N * cols_}; }
  Work backward_work(int N) const override { return {3.0 * N * cols_, 8.0 * N * cols_}; }

  void forward(const Frame<float>& f) const override {
    cpu::kernels().rope(f.N, T_, cols_ / head_dim_, head_dim_, f.in[0], cols_, cos_.data(), sin_.data(), false, false, f.out, cols_);
  }
  void backward(const Frame<float>& f) const override {
    cpu::kernels().rope(f.N, T_, cols_ / head_dim_, head_dim_, f.dout, cols_, cos_.data(), sin_.data(), true, f.add[0], f.din[0], cols_);
  }
  void forward(const Frame<double>& f) const override {
    rotate(f.N, f.in[0], +1, [&](size_t at, double value) { f.out[at] = value; });
  }
  void backward(const Frame<double>& f) const override {
    rotate(f.N, f.dout, -1, [&](size_t at, double value) { f.din[0][at] += value; });
  }

 private:
  template <class Store>
  void rotate(int N, const double* x, double sign, Store store) const {
    const int half = head_dim_ / 2;
    for (int n = 0; n < N; n++)
      for (int first = 0; first < cols_; first += head_dim_)
        for (int i = 0; i < half; i++) {
          const double angle = (n % T_) * std::pow(double(base_), -2.0 * i / head_dim_);
          const double c = std::cos(angle), s = sign * std::sin(angle);
          const size_t a = size_t(n) * cols_ + first + i, b = a + half;
          store(a, x[a] * c + x[b] * s);
          store(b, x[b] * c - x[a] * s);
        }
  }
  int T_, cols_, head_dim_;
  float base_;
  std::vector<float> cos_, sin_;  // [T, head_dim/2]
};

inline const Rule rope_rule{"rope", Causality::Tokenwise, shape_of_rope,
                            [](const Graph& g, const Node& n) -> std::unique_ptr<Operation> { return std::make_unique<Rope>(g, n); }};

}  // namespace swarm
