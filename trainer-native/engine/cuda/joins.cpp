// What need not exist: values between two ops that run as one, gradients that are copies of another.
#include <algorithm>

#include "engine/core/expression.h"
#include "engine/cuda/operation.h"
#include "engine/cuda/rope_norm.h"

namespace swarm::cuda {
namespace {

// a + b, and longer sums: the derivative is the gradient itself, for every input.
bool is_sum(const Graph& graph, const Node& node) {
  if (node.op != Op::Ew || node.inputs.size() < 2) return false;
  for (size_t i = 0; i < node.inputs.size(); i++) {
    const Node& in = graph.nodes()[size_t(node.inputs[i])];
    if (in.op == Op::Param || in.cols != node.cols || std::count(node.inputs.begin(), node.inputs.end(), node.inputs[i]) > 1) return false;
  }
  const Program d = simplified(derivative(node.program));
  return std::count(d.outputs.begin(), d.outputs.end(), d.inputs - 1) == long(node.inputs.size());
}

}  // namespace

int Plan::uses(const Graph& graph, int node) const {
  int count = 0;
  for (size_t m = 0; m < graph.nodes().size(); m++)
    if (layout.operations[m]) count += int(std::count(graph.nodes()[m].inputs.begin(), graph.nodes()[m].inputs.end(), node));
  return count;
}

// A rope that only the rmsnorm of the same heads reads: its value and gradient exist nowhere. The one kernel runs forward at the
// rmsnorm's step and backward at the rope's, so what it reads lives until then.
void Plan::join_ropes(const Graph& graph) {
  normed_rope.assign(graph.nodes().size(), -1);
  for (size_t n = 0; n < graph.nodes().size(); n++) {
    const Node& norm = graph.nodes()[n];
    if (!layout.operations[n] || norm.op != Op::RmsNorm) continue;
    const int r = norm.inputs[0];
    const Node& rope = graph.nodes()[size_t(r)];
    if (rope.op != Op::Rope || rope.ints[0] != norm.ints[0] || !has_rope_rmsnorm(rope.ints[0]) || uses(graph, r) != 1) continue;
    normed_rope[n] = r, normed_rope[size_t(r)] = int(n);
    for (size_t s = 0; s < layout.steps.size(); s++) {
      const auto lives_on = [&](int buffer) { layout.buffers[size_t(buffer)].last = std::max(layout.buffers[size_t(buffer)].last, int(s)); };
      const Step& step = layout.steps[s];
      if (step.phase == Phase::Forward && step.node == int(n)) lives_on(layout.value[size_t(rope.inputs[0])]);
      if (step.phase == Phase::Backward && step.node == r) lives_on(layout.value[n]), lives_on(layout.aux[n]), lives_on(layout.gradient[n]);
    }
  }
}

// A rmsnorm of what an expression makes, by the kernel that makes it, at its step: the row is not read again. Backward they stay two.
void Plan::join_norms(const Graph& graph) {
  normed_ew.assign(graph.nodes().size(), -1);
  for (size_t s = 0; s < layout.steps.size(); s++) {
    const int e = layout.steps[s].node;
    const Node& made = graph.nodes()[size_t(e)];
    if (layout.steps[s].phase != Phase::Forward || made.op != Op::Ew || !has_norm_kernel(graph, made)) continue;
    for (size_t n = size_t(e) + 1; n < graph.nodes().size() && normed_ew[size_t(e)] < 0; n++) {
      const Node& norm = graph.nodes()[n];
      if (!layout.operations[n] || norm.op != Op::RmsNorm || norm.inputs[0] != e || norm.ints[0] != made.cols) continue;
      normed_ew[n] = e, normed_ew[size_t(e)] = int(n);
      for (int buffer : {layout.value[n], layout.aux[n]}) layout.buffers[size_t(buffer)].first = int(s);
    }
  }
}

// Where a sum goes backward, its gradient is the gradient of each of its inputs so far. One of them keeps the place as its own and adds
// to it what else comes (the residual stream: one buffer from layer to layer). Another borrows the place, if nothing is ever added to
// its gradient and it is read for the last time before the owner's changes.
void Plan::share_gradients(const Graph& graph) {
  hands_on.assign(graph.nodes().size(), false);
  std::vector<bool> borrowed(graph.nodes().size(), false);
  const auto& steps = layout.steps;
  for (size_t s = 0; s < steps.size(); s++) {
    const int n = steps[s].node;
    const Node& node = graph.nodes()[size_t(n)];
    if (steps[s].phase != Phase::Backward || n == head.squeeze || !is_sum(graph, node)) continue;
    hands_on[size_t(n)] = true;
    if (borrowed[size_t(n)]) continue;  // not ours to hand on
    int owner = -1;
    for (size_t i = 0; i < node.inputs.size(); i++)
      if (!steps[s].add[i] && (owner < 0 || node.inputs[i] < owner)) owner = node.inputs[i];
    const int place = layout.gradient[size_t(n)];
    const auto take = [&](int input) {
      Buffer& from = layout.buffers[size_t(layout.gradient[size_t(input)])];
      layout.buffers[size_t(place)].last = std::max(layout.buffers[size_t(place)].last, from.last);
      layout.gradient[size_t(input)] = place;
    };
    // Nobody but step s writes the gradient of `input` up to step `last`.
    const auto is_left_alone = [&](int input, int last) {
      for (size_t t = s + 1; t <= size_t(last); t++) {
        const std::vector<int>& in = graph.nodes()[size_t(steps[t].node)].inputs;
        if (std::count(in.begin(), in.end(), input)) return false;
      }
      return true;
    };
    for (size_t i = 0; i < node.inputs.size() && owner >= 0; i++) {
      const int input = node.inputs[i], last = layout.buffers[size_t(layout.gradient[size_t(input)])].last;
      if (input == owner || steps[s].add[i] || !is_left_alone(input, last) || !is_left_alone(owner, last)) continue;
      const bool owner_waits = std::none_of(steps.begin() + long(s) + 1, steps.begin() + last + 1, [&](const Step& t) { return t.node == owner; });
      if (!owner_waits) continue;  // its own step may hand the place on
      take(input);
      borrowed[size_t(input)] = true;
    }
    if (owner >= 0) take(owner);
  }
}

}  // namespace swarm::cuda
