// Values between two ops that run as one.
#include <algorithm>

#include "engine/cuda/operation.h"
#include "engine/cuda/rope_norm.h"

namespace swarm::cuda {

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
    // Its gradient is read at the rope's step: a place that another gradient shares may have been added to by then.
    if (layout.gradient[n] >= 0 && std::count(layout.gradient.begin(), layout.gradient.end(), layout.gradient[n]) > 1) continue;
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

}  // namespace swarm::cuda
