// slice and concat: channels out of, or side by side into, one tensor. Channels only: tokens are never moved.
#pragma once
#include "engine/cpu/kernels.h"
#include "engine/ops/op.h"

namespace swarm {

// to[n, 0..count) (+)= from[n, 0..count) for N rows that lie `to_stride` and `from_stride` numbers apart
template <class Real>
void copy_columns(int N, int count, const Real* from, int from_stride, Real* to, int to_stride, bool add) {
  for (int n = 0; n < N; n++) {
    const Real* a = from + size_t(n) * from_stride;
    Real* b = to + size_t(n) * to_stride;
    if (add) for (int c = 0; c < count; c++) b[c] += a[c];
    else for (int c = 0; c < count; c++) b[c] = a[c];
  }
}

// ints: first channel, count
inline void shape_of_slice(const Graph& graph, Node& node) {
  require_inputs(node, 1, "slice");
  const Node& x = require_activation(graph, node, 0, "slice");
  const int64_t first = node.ints[0], count = node.ints[1];
  if (first < 0 || count < 1 || first + count > x.cols)
    refuse("slice: channels " + std::to_string(first) + " to " + std::to_string(first + count - 1) + " of a tensor with " + std::to_string(x.cols));
  node.rows = 0;
  node.cols = node.ints[1];
}

class Slice : public Operation {
 public:
  Slice(const Graph& graph, const Node& node) : width_(input(graph, node, 0).cols), first_(node.ints[0]), count_(node.cols) {}
  Work forward_work(int N) const override { return {0, 8.0 * N * count_}; }
  Work backward_work(int N) const override { return {1.0 * N * count_, 4.0 * N * (2.0 * count_ + width_)}; }
  void forward(const Frame<float>& f) const override { take(f); }
  void forward(const Frame<double>& f) const override { take(f); }
  void backward(const Frame<float>& f) const override {
    if (!f.add[0]) cpu::kernels().fill(long(f.N) * width_, 0.0f, f.din[0]);
    copy_columns(f.N, count_, f.dout, count_, f.din[0] + first_, width_, true);
  }
  void backward(const Frame<double>& f) const override { copy_columns(f.N, count_, f.dout, count_, f.din[0] + first_, width_, true); }

 private:
  template <class Real>
  void take(const Frame<Real>& f) const { copy_columns(f.N, count_, f.in[0] + first_, width_, f.out, count_, false); }
  int width_, first_, count_;
};

inline void shape_of_concat(const Graph& graph, Node& node) {
  if (node.inputs.empty()) refuse("concat takes at least 1 input");
  node.rows = 0;
  int64_t cols = 0;
  for (size_t i = 0; i < node.inputs.size(); i++) cols += require_activation(graph, node, static_cast<int>(i), "concat").cols;
  if (cols > (1 << 20)) refuse("concat would have " + std::to_string(cols) + " channels: keep at most 1048576");
  node.cols = static_cast<int>(cols);
}

class Concat : public Operation {
 public:
  Concat(const Graph& graph, const Node& node) : cols_(node.cols) {
    for (size_t i = 0; i < node.inputs.size(); i++) parts_.push_back(input(graph, node, static_cast<int>(i)).cols);
  }
  Work forward_work(int N) const override { return {0, 8.0 * N * cols_}; }
  Work backward_work(int N) const override { return {1.0 * N * cols_, 12.0 * N * cols_}; }
  void forward(const Frame<float>& f) const override { join(f); }
  void forward(const Frame<double>& f) const override { join(f); }
  void backward(const Frame<float>& f) const override { part(f, false); }
  void backward(const Frame<double>& f) const override { part(f, true); }

 private:
  template <class Real>
  void join(const Frame<Real>& f) const {
    int first = 0;
    for (size_t i = 0; i < parts_.size(); first += parts_[i++]) copy_columns(f.N, parts_[i], f.in[i], parts_[i], f.out + first, cols_, false);
  }
  template <class Real>
  void part(const Frame<Real>& f, bool always_add) const {
    int first = 0;
    for (size_t i = 0; i < parts_.size(); first += parts_[i++])
      copy_columns(f.N, parts_[i], f.dout + first, cols_, f.din[i], parts_[i], always_add || f.add[i]);
  }
  int cols_;
  std::vector<int> parts_;
};

inline const Rule slice_rule{"slice", Causality::Tokenwise, shape_of_slice,
                             [](const Graph& g, const Node& n) -> std::unique_ptr<Operation> { return std::make_unique<Slice>(g, n); }};
inline const Rule concat_rule{"concat", Causality::Tokenwise, shape_of_concat,
                              [](const Graph& g, const Node& n) -> std::unique_ptr<Operation> { return std::make_unique<Concat>(g, n); }};

}  // namespace swarm
