// ew: one number of the output from one number of each input, by a recorded expression. The widest activation gives the
// width C; other activations hold one number per head, parameters one per channel or one in all.
#pragma once
#include <algorithm>
#include <vector>

#include "engine/core/calculate.h"
#include "engine/ops/ew_tiles.h"
#include "engine/ops/op.h"

namespace swarm {

inline Broadcast broadcast_of(const Node& in, int C) {
  if (in.op == Op::Param) return in.cols == C ? Broadcast::Channel : Broadcast::Single;
  return in.cols == C ? Broadcast::Full : Broadcast::Head;
}

inline void shape_of_ew(const Graph& graph, Node& node) {
  const std::string complaint = complaint_about(node.program);
  if (!complaint.empty()) refuse("ew: the expression " + complaint);
  require_inputs(node, size_t(node.program.inputs), "ew");
  int C = 0;
  for (size_t i = 0; i < node.inputs.size(); i++) {
    const Node& in = input(graph, node, static_cast<int>(i));
    if (in.op == Op::Tokens) refuse("ew: tokens are ids, not numbers; embed them first");
    if (in.op != Op::Param) C = std::max(C, in.cols);
  }
  if (C == 0) refuse("ew: at least one input must be an activation");
  for (size_t i = 0; i < node.inputs.size(); i++) {
    const Node& in = input(graph, node, static_cast<int>(i));
    const std::string which = "ew: input " + std::to_string(i) + ", ", next = " next to " + std::to_string(C) + " channels: ";
    if (in.op == Op::Param && (in.rows != 1 || (in.cols != C && in.cols != 1)))
      refuse(which + "parameter " + in.name + ", is " + std::to_string(in.rows) + "x" + std::to_string(in.cols) + next +
             "it must be one row as wide, or 1x1");
    if (in.op != Op::Param && C % in.cols) refuse(which + "an activation, has " + std::to_string(in.cols) + next + "it must divide them");
  }
  node.rows = 0;
  node.cols = C;
}

class Ew : public Operation {
 public:
  Ew(const Graph& graph, const Node& node)
      : C_(node.cols), kinds_(kinds(graph, node)), widths_(widths(graph, node)),
        recorded_(node.program), gradient_(simplified(derivative(node.program))),
        forward_(simplified(node.program), C_, kinds_, widths_, {Broadcast::Full}, {C_}, {TileProgram::any_full}),
        backward_(gradient_, C_, with_output(kinds_, Broadcast::Full), with_output(widths_, C_), kinds_, widths_) {}

  bool backward_reads_input(int i) const override {
    for (const Instruction& code : gradient_.code) if (code.a == i || code.b == i || code.c == i) return true;
    return std::count(gradient_.outputs.begin(), gradient_.outputs.end(), i) > 0;
  }
  bool passes_gradient(int i) const override { return kinds_[i] == Broadcast::Full && gradient_.outputs[i] == int(kinds_.size()); }
  bool may_overwrite(int i) const override { return kinds_[i] == Broadcast::Full; }
  size_t scratch_floats(int, bool) const override { return std::max(forward_.scratch_floats(), backward_.scratch_floats()); }
  Work forward_work(int N) const override {
    return {forward_.flops_per_element() * N * C_, 4.0 * N * (C_ + read([](int) { return true; })), pace};
  }
  Work backward_work(int N) const override {
    const double inputs_read = read([&](int i) { return backward_reads_input(i); }), gradients_written = read([](int) { return true; });
    return {backward_.flops_per_element() * N * C_, 4.0 * N * (C_ + inputs_read + gradients_written), pace};
  }

  void forward(const Frame<float>& f) const override {
    const bool overwrite = false;
    forward_.run(f.N, f.in, &f.out, &overwrite, f.scratch);
  }
  void backward(const Frame<float>& f) const override {
    const float* in[max_inputs];
    std::copy(f.in, f.in + kinds_.size(), in);
    in[kinds_.size()] = f.dout;
    backward_.run(f.N, in, f.din, f.add, f.scratch);
  }
  void forward(const Frame<double>& f) const override {
    each(f, [&](size_t at, std::vector<double>& values) { f.out[at] = values[recorded_.outputs[0]]; }, recorded_);
  }
  void backward(const Frame<double>& f) const override {
    each(f, [&](size_t at, std::vector<double>& values) {
      for (size_t i = 0; i < kinds_.size(); i++)
        if (gradient_.outputs[i] >= 0) f.din[i][place(i, at)] += values[gradient_.outputs[i]];
    }, gradient_);
  }

 private:
  static constexpr double pace = 0.62;  // every instruction of the program is a pass over a tile
  static std::vector<Broadcast> kinds(const Graph& graph, const Node& node) {
    std::vector<Broadcast> all;
    for (int i : node.inputs) all.push_back(broadcast_of(graph.nodes()[i], node.cols));
    return all;
  }
  static std::vector<int> widths(const Graph& graph, const Node& node) {
    std::vector<int> all;
    for (int i : node.inputs) all.push_back(graph.nodes()[i].cols);
    return all;
  }
  template <class T>
  static std::vector<T> with_output(std::vector<T> all, T output) {
    all.push_back(output);
    return all;
  }
  template <class Wanted>
  double read(Wanted wanted) const {  // numbers per token among the inputs; parameters are next to nothing
    double sum = 0;
    for (size_t i = 0; i < kinds_.size(); i++)
      if (wanted(static_cast<int>(i)) && (kinds_[i] == Broadcast::Full || kinds_[i] == Broadcast::Head)) sum += widths_[i];
    return sum;
  }
  size_t place(size_t i, size_t at) const {  // of the number that element `at` of [N, C] takes from input i
    switch (kinds_[i]) {
      case Broadcast::Full: return at;
      case Broadcast::Head: return at / (C_ / widths_[i]);
      case Broadcast::Channel: return at % C_;
      default: return 0;
    }
  }
  template <class Store>
  void each(const Frame<double>& f, Store store, const Program& program) const;

  int C_;
  std::vector<Broadcast> kinds_;
  std::vector<int> widths_;
  Program recorded_, gradient_;
  TileProgram forward_, backward_;
};

// The reference: one element at a time, with the standard library's functions.
template <class Store>
void Ew::each(const Frame<double>& f, Store store, const Program& program) const {
  const size_t K = kinds_.size();
  std::vector<double> v(program.inputs + program.code.size());
  for (size_t at = 0; at < size_t(f.N) * C_; at++) {
    for (size_t i = 0; i < K; i++) v[i] = f.in[i][place(i, at)];
    if (size_t(program.inputs) > K) v[K] = f.dout[at];
    calculate<LibraryFunctions>(program, v.data());
    store(at, v);
  }
}

inline const Rule ew_rule{"ew", Causality::Tokenwise, shape_of_ew,
                          [](const Graph& g, const Node& n) -> std::unique_ptr<Operation> { return std::make_unique<Ew>(g, n); }};

}  // namespace swarm
