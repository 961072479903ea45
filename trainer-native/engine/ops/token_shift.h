// token_shift: out[t] = x[t - k] inside the row, zeros for the first k tokens: every token is handed what stood k places before it.
// ints: k. CUDA: engine/cuda/token_shift.cu, same contract.
#pragma once
#include "engine/cpu/kernels.h"
#include "engine/ops/op.h"

namespace swarm {

inline void shape_of_token_shift(const Graph& graph, Node& node) {
  require_inputs(node, 1, "token_shift");
  const Node& x = require_activation(graph, node, 0, "token_shift");
  const int k = node.ints[0];
  if (k < 1) refuse("token_shift: a shift by " + std::to_string(k) + " would hand a token its own or a later one; it counts tokens backwards, 1 or more");
  if (k >= graph.shape().T) refuse("token_shift: a shift by " + std::to_string(k) + " leaves nothing of rows of " + std::to_string(graph.shape().T) + " tokens");
  node.rows = 0;
  node.cols = x.cols;
}

class TokenShift : public Operation {
 public:
  TokenShift(const Graph& graph, const Node& node) : T_(graph.shape().T), cols_(node.cols), k_(node.ints[0]) {}
  Work forward_work(int N) const override { return {0, 8.0 * N * cols_, pace}; }
  Work backward_work(int N) const override { return {1.0 * N * cols_, 12.0 * N * cols_, pace}; }

  // A row is contiguous, so shifting it is one copy.
  void forward(const Frame<float>& f) const override {
    for (long row = 0; row < f.N / T_; row++) {
      cpu::kernels().fill(gap(), 0.0f, f.out + row * width());
      cpu::kernels().copy(width() - gap(), f.in[0] + row * width(), f.out + row * width() + gap());
    }
  }
  void backward(const Frame<float>& f) const override {
    for (long row = 0; row < f.N / T_; row++) {
      const float* from = f.dout + row * width() + gap();
      float* to = f.din[0] + row * width();
      if (f.add[0]) {
        cpu::kernels().add(width() - gap(), to, from, to);
        continue;
      }
      cpu::kernels().copy(width() - gap(), from, to);
      cpu::kernels().fill(gap(), 0.0f, to + width() - gap());
    }
  }
  void forward(const Frame<double>& f) const override {
    for (int n = 0; n < f.N; n++)
      for (int c = 0; c < cols_; c++) f.out[size_t(n) * cols_ + c] = n % T_ < k_ ? 0 : f.in[0][size_t(n - k_) * cols_ + c];
  }
  void backward(const Frame<double>& f) const override {
    for (int n = 0; n < f.N; n++)
      for (int c = 0; c < cols_; c++)
        if (n % T_ >= k_) f.din[0][size_t(n - k_) * cols_ + c] += f.dout[size_t(n) * cols_ + c];
  }

 private:
  static constexpr double pace = 0.55;  // not measured yet: charged as if 20 GB/s were all it moves
  long width() const { return long(T_) * cols_; }  // floats of a row
  long gap() const { return long(k_) * cols_; }
  int T_, cols_, k_;
};

inline const Rule token_shift_rule{"token_shift", Causality::CausalMixer, shape_of_token_shift,
                                   [](const Graph& g, const Node& n) -> std::unique_ptr<Operation> { return std::make_unique<TokenShift>(g, n); }};

}  // namespace swarm
