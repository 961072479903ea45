#include "engine/cuda/plan.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "engine/cuda/bf16.h"
#include "engine/cuda/gemm.h"
#include "engine/cuda/operation.h"
#include "engine/cuda/optim.h"
#include "engine/cuda/rows.h"

namespace swarm::cuda {
namespace {

constexpr size_t line = 256;  // bytes every array starts at
size_t aligned(size_t bytes) { return (bytes + line - 1) / line * line; }

// cap of `cap * tanh(x / cap)`, or 0 when the program is something else.
float cap_of(const Program& recorded) {
  const Program p = simplified(recorded);
  const auto code = [&](int value) -> const Instruction* { return value < p.inputs ? nullptr : &p.code[size_t(value - p.inputs)]; };
  const auto constant = [&](int value) { return code(value) && code(value)->calc == Calc::Constant ? code(value)->constant : 0; };
  const Instruction* out = code(p.outputs[0]);
  if (p.inputs != 1 || !out || out->calc != Calc::Multiply) return 0;
  for (const auto& [cap, other] : {std::pair{out->a, out->b}, std::pair{out->b, out->a}}) {
    const Instruction* tanh = code(other);
    if (constant(cap) <= 0 || !tanh || tanh->calc != Calc::Tanh) continue;
    const Instruction* ratio = code(tanh->a);
    if (ratio && ratio->calc == Calc::Divide && ratio->a == 0 && constant(ratio->b) == constant(cap)) return constant(cap);
  }
  return 0;
}

Options within(size_t memory_limit) {
  Options options;
  options.memory_limit = memory_limit;
  return options;
}

}  // namespace

Plan::Plan(const Graph& graph, size_t memory_limit) : Plan(graph, nullptr, within(memory_limit)) {}

Plan::Plan(const Graph& graph, const Optimizer* optimizer, const Options& options) : micro_steps(options.micro_steps) {
  const bool trains = optimizer != nullptr;
  const Shape& shape = graph.shape();
  if (micro_steps < 1 || shape.rows % micro_steps)
    refuse(std::to_string(shape.rows) + " rows a step do not come in " + std::to_string(micro_steps) + " micro-steps: change the tokens per step");
  N = shape.rows / micro_steps * shape.T;
  require_kernels(graph);
  layout = lay_out(graph, N, trains);
  if (trains) hold(graph, *optimizer);
  else hold_alone(graph);
  find_head(graph, options.logits_limit);
  join_ropes(graph);
  join_norms(graph);
  shrink_buffers(graph);

  size_t end = 0;
  const auto take = [&](size_t count) {
    const size_t at = end;
    end += aligned(count);
    return at;
  };
  values = take(numbers * sizeof(float));
  gradients = take(trains ? numbers * sizeof(float) : 0);
  first = take(trains ? numbers * sizeof(float) : 0);
  second = take(trains ? numbers * sizeof(float) : 0);
  rounded = take(numbers * sizeof(bf16));
  update_numbers = take(batches.size() * sizeof(UpdateNumbers));
  tokens = take(size_t(N) * sizeof(uint16_t));
  targets = take(size_t(N) * sizeof(uint16_t));
  sorted = take(trains ? SortedTokens::ints(N, shape.vocab) * sizeof(int32_t) : 0);
  losses = take(size_t(N) * sizeof(float));
  total_loss = take(sizeof(float));
  scratch = take(most_scratch(graph));
  arena = take(layout.arena_bytes);
  bytes = end;
  if (bytes > options.memory_limit)
    refuse("this network needs " + std::to_string(bytes >> 20) + " MiB of the device, the limit is " + std::to_string(options.memory_limit >> 20) +
           " MiB: make it smaller or take fewer tokens a step");
}

void Plan::hold_alone(const Graph& graph) {
  const std::vector<bool> live = live_nodes(graph);
  held_of.assign(graph.nodes().size(), -1);
  for (size_t n = 0; n < graph.nodes().size(); n++) {
    const Node& node = graph.nodes()[n];
    if (node.op != Op::Param) continue;
    if (!live[n]) refuse("parameter " + node.name + " does not reach the output: use it or remove it");
    held_of[n] = int(held.size());
    held.push_back({int(n), numbers, size_t(node.rows) * node.cols});
    numbers = aligned((numbers + held.back().count) * sizeof(bf16)) / sizeof(bf16);
  }
}

// Parameters of one Muon group and shape become one batch; numbers of a batch have no gaps.
void Plan::hold(const Graph& graph, const Optimizer& optimizer) {
  const std::vector<bool> live = live_nodes(graph);
  std::map<std::tuple<std::string, int, int>, std::vector<int>> muon;
  std::vector<std::pair<KnownRule, std::vector<int>>> together;
  for (size_t n = 0; n < graph.nodes().size(); n++) {
    const Node& node = graph.nodes()[n];
    if (node.op != Op::Param) continue;
    if (!live[n]) refuse("parameter " + node.name + " does not reach the output: use it or remove it");
    const Group& group = optimizer.group_of(node.name);
    const KnownRule known = known_rule(group, node);
    if (known.is_muon) muon[{group.pattern, node.rows, node.cols}].push_back(int(n));
    else together.push_back({known, {int(n)}});
  }
  for (const auto& [key, nodes] : muon) {
    const Node& node = graph.nodes()[size_t(nodes[0])];
    together.push_back({known_rule(optimizer.group_of(node.name), node), nodes});
  }
  held_of.assign(graph.nodes().size(), -1);
  for (const auto& [known, nodes] : together) {
    const Node& shape = graph.nodes()[size_t(nodes[0])];
    batches.push_back({known, int(held.size()), int(nodes.size()), shape.rows, shape.cols});
    const size_t count = size_t(shape.rows) * shape.cols;
    for (int n : nodes) {
      held_of[size_t(n)] = int(held.size());
      held.push_back({n, numbers, count});
      numbers += count;
    }
    numbers = aligned(numbers * sizeof(bf16)) / sizeof(bf16);  // the next batch starts aligned in every array
  }
}

void Plan::find_head(const Graph& graph, size_t logits_limit) {
  int last = graph.output_node();
  if (uses(graph, last) == 0 && graph.nodes()[size_t(last)].op == Op::Ew && graph.nodes()[size_t(last)].inputs.size() == 1) {
    head.squeeze = last;
    head.cap = cap_of(graph.nodes()[size_t(last)].program);
    last = graph.nodes()[size_t(last)].inputs[0];
  }
  if (graph.nodes()[size_t(last)].op != Op::Linear || uses(graph, last) != (head.squeeze >= 0 ? 1 : 0))
    refuse("the CUDA backend needs a linear as the output, or an expression of that linear alone: end the network so");
  head.linear = last;
  const size_t row = size_t(graph.shape().vocab) * sizeof(bf16);
  const size_t fit = std::max<size_t>(1, logits_limit / row);
  head.chunk = int(std::min<size_t>(size_t(N), fit >= 128 ? fit / 128 * 128 : fit));
}

// The layout counts float32; here activations and their gradients are bf16, the head's have no place of their own, and scratch is
// one array that every op uses in turn.
void Plan::shrink_buffers(const Graph& graph) {
  std::vector<size_t> bytes_of(layout.buffers.size(), 0);
  for (size_t n = 0; n < graph.nodes().size(); n++) {
    if (!layout.operations[n] || int(n) == head.linear || int(n) == head.squeeze) continue;
    if (graph.nodes()[n].op == Op::Rope && normed_rope[n] >= 0) continue;
    for (int buffer : {layout.value[n], layout.gradient[n]})
      if (buffer >= 0) bytes_of[size_t(buffer)] = size_t(N) * graph.nodes()[n].cols * sizeof(bf16);
    if (layout.aux[n] >= 0) bytes_of[size_t(layout.aux[n])] = layout.operations[n]->aux_floats(N) * sizeof(float);
  }
  for (size_t b = 0; b < bytes_of.size(); b++) layout.buffers[b].bytes = aligned(bytes_of[b]);
  layout.arena_bytes = plan(layout.buffers);
}

size_t Plan::most_scratch(const Graph& graph) const {
  size_t most = 0;
  for (const Step& step : layout.steps) {
    if (step.node == head.linear || step.node == head.squeeze) continue;
    most = std::max(most, scratch_bytes(graph, step, N));
  }
  for (const Batch& b : batches) {
    MuonBatch muon;
    muon.count = b.count, muon.rows = b.rows, muon.cols = b.cols;
    if (b.rule.is_muon) most = std::max(most, muon_scratch_bytes(muon));
  }
  return std::max(most, head_scratch_bytes(graph, *this));
}

}  // namespace swarm::cuda
