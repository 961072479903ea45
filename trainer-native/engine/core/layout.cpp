#include "engine/core/layout.h"

#include <algorithm>

namespace swarm {
namespace {

class Drawing {
 public:
  Drawing(const Graph& graph, int N, bool training, bool overwriting)
      : graph_(graph), N_(N), training_(training), overwriting_(overwriting), live_(live_nodes(graph)) {}

  Layout draw() {
    const int count = static_cast<int>(graph_.nodes().size());
    out_.operations.resize(count);
    out_.value.assign(count, -1);
    out_.aux.assign(count, -1);
    out_.gradient.assign(count, -1);
    for (int n = 0; n < count; n++) if (live_[n] && rule(node(n).op).make) forward(n);
    const int output = graph_.output_node();
    if (training_) {
      loss(output);
      has_gradient_.assign(count, false);
      only_reads_.assign(count, false);
      has_gradient_[output] = true;
      for (int n = output; n >= 0; n--) if (out_.operations[n]) backward(n);
    } else {
      out_.buffers[out_.value[output]].last = static_cast<int>(out_.steps.size());
    }
    out_.arena_bytes = plan(out_.buffers);
    return std::move(out_);
  }

 private:
  const Node& node(int n) const { return graph_.nodes()[n]; }
  int now() const { return static_cast<int>(out_.steps.size()); }

  int buffer(size_t floats) {
    out_.buffers.push_back({floats * sizeof(float), now(), now(), 0});
    return static_cast<int>(out_.buffers.size()) - 1;
  }
  void read(int buffer) {
    if (buffer >= 0) out_.buffers[buffer].last = now();
  }
  size_t scratch(int n, bool adds) { return out_.operations[n]->scratch_floats(N_, adds); }

  void forward(int n) {
    out_.operations[n] = rule(node(n).op).make(graph_, node(n));
    Step step{Phase::Forward, n};
    const int over = overwriting_ ? input_to_overwrite(n) : -1;
    out_.value[n] = over >= 0 ? out_.value[over] : buffer(size_t(N_) * node(n).cols);
    if (const size_t floats = out_.operations[n]->aux_floats(N_)) out_.aux[n] = buffer(floats);
    if (const size_t floats = scratch(n, false)) step.scratch = buffer(floats);
    for (int i : node(n).inputs) read(out_.value[i]);
    out_.steps.push_back(step);
  }

  // A value that nobody reads after n, not even a backward pass: n's output is written over it, where the caches have it. -1: none.
  int input_to_overwrite(int n) const {
    const Operation& op = *out_.operations[n];
    for (size_t i = 0; i < node(n).inputs.size(); i++) {
      const int in = node(n).inputs[i];
      if (!op.may_overwrite(int(i)) || !out_.operations[in] || node(in).cols != node(n).cols || readers(in) > 1) continue;
      if (training_ && (op.backward_reads_input(int(i)) || out_.operations[in]->backward_reads_output())) continue;
      return in;
    }
    return -1;
  }
  int readers(int of) const {
    int count = of == graph_.output_node();
    for (size_t n = 0; n < graph_.nodes().size(); n++)
      if (live_[n]) count += int(std::count(node(int(n)).inputs.begin(), node(int(n)).inputs.end(), of));
    return count;
  }

  // The gradient of the logits takes the logits' place, unless the last op still needs what it computed.
  void loss(int output) {
    read(out_.value[output]);
    out_.gradient[output] = out_.operations[output]->backward_reads_output() ? buffer(size_t(N_) * node(output).cols) : out_.value[output];
    out_.steps.push_back({Phase::Loss, output});
  }

  void backward(int n) {
    const Operation& op = *out_.operations[n];
    Step step{Phase::Backward, n};
    read(out_.gradient[n]);
    read(out_.aux[n]);
    if (op.backward_reads_output()) read(out_.value[n]);
    bool adds = false;
    for (size_t i = 0; i < node(n).inputs.size(); i++) {
      const int in = node(n).inputs[i];
      if (op.backward_reads_input(static_cast<int>(i))) read(out_.value[in]);
      if (node(in).op == Op::Tokens) continue;
      adds |= step.add[i] = has_gradient_[in];
      has_gradient_[in] = true;
      if (!out_.operations[in]) continue;  // a parameter
      if (out_.gradient[in] >= 0) continue;
      out_.gradient[in] = can_take(n, in, static_cast<int>(i), op) ? out_.gradient[n] : buffer(size_t(N_) * node(in).cols);
    }
    if (const size_t floats = scratch(n, adds)) step.scratch = buffer(floats);
    out_.steps.push_back(step);
  }

  // May the gradient of n go on as the gradient of its input `in`, in the same place? Yes for one heir, who may then add to it. A second one
  // only reads it, and has done so before anything is added: it is used by n alone, and the heir by nothing after it.
  bool can_take(int n, int in, int i, const Operation& op) {
    if (!op.passes_gradient(i) || only_reads_[n] || std::count(node(n).inputs.begin(), node(n).inputs.end(), in) > 1) return false;
    int other = -1;
    for (int o : node(n).inputs) {
      if (o == in || !out_.operations[o] || out_.gradient[o] != out_.gradient[n]) continue;
      if (other >= 0) return false;
      other = o;
    }
    if (other < 0) return true;
    const int reader = std::max(in, other), heir = std::min(in, other);
    if (only_reads_[reader] || only_reads_[heir]) return false;
    if (last_use(reader, n) >= 0 || last_use(heir, n) >= reader) return false;
    only_reads_[reader] = true;
    return true;
  }
  int last_use(int of, int but) const {
    for (int n = static_cast<int>(graph_.nodes().size()) - 1; n > of; n--)
      if (n != but && out_.operations[n] && std::count(node(n).inputs.begin(), node(n).inputs.end(), of) > 0) return n;
    return -1;
  }

  const Graph& graph_;
  int N_;
  bool training_, overwriting_;
  std::vector<bool> live_, has_gradient_, only_reads_;
  Layout out_;
};

}  // namespace

std::vector<bool> live_nodes(const Graph& graph) {
  std::vector<bool> live(graph.nodes().size(), false);
  if (graph.output_node() < 0) refuse("the network has no output: call output(logits)");
  live[graph.output_node()] = true;
  for (int n = graph.output_node(); n >= 0; n--)
    if (live[n]) for (int i : graph.nodes()[n].inputs) live[i] = true;
  return live;
}

Layout lay_out(const Graph& graph, int N, bool training, bool overwriting) { return Drawing(graph, N, training, overwriting).draw(); }

}  // namespace swarm
