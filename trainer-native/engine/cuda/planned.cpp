#include "engine/cuda/planned.h"

#include <algorithm>

#include "engine/core/costs.h"
#include "engine/cuda/backend.h"
#include "engine/cuda/tables.h"

namespace swarm::cuda {
namespace {

constexpr int cpu_shards = 2;  // a step costs what it costs the CPU, which takes it in two halves

[[noreturn]] void runs_nowhere() { refuse("this network was only planned: it has no device to run on"); }

// The fewest parts of a step, from `fewest` on, in which it fits; the plan of the last one says why none does.
int parts_that_fit(const Graph& graph, const Optimizer& optimizer, int fewest, size_t memory_limit) {
  const int rows = graph.shape().rows;
  int parts = fewest;
  for (; parts < rows; parts++) {
    if (rows % parts) continue;
    Options options;
    options.micro_steps = parts;
    options.memory_limit = SIZE_MAX;
    if (Plan(graph, optimizer, options).bytes <= memory_limit) break;
  }
  return std::min(parts, rows);
}

}  // namespace

PlannedNetwork::PlannedNetwork(const Graph& graph, const Optimizer& optimizer, const Options& options)
    : graph_(graph), plan_((require_causal(graph), Plan(graph, optimizer, options))),
      costs_(costs_of(graph, plan_.layout, plan_.N * plan_.micro_steps / cpu_shards, cpu_shards, &optimizer)) {}

size_t PlannedNetwork::peak_bytes() const { return plan_.bytes + table_bytes(graph_) + 2 * plan_.input_bytes(); }

size_t PlannedNetwork::parameter_count() const {
  size_t count = 0;
  for (const Held& held : plan_.held) count += held.count;
  return count;
}

double PlannedNetwork::flops_per_token() const {
  double flops = 0;
  for (const Cost& c : costs_) flops += c.flops;
  return flops / (double(plan_.N) * plan_.micro_steps);
}

void PlannedNetwork::init(uint64_t) { runs_nowhere(); }
void PlannedNetwork::start_step(const Token*, const Token*, const Schedule&) { runs_nowhere(); }
double PlannedNetwork::finish_step() { runs_nowhere(); }
const float* PlannedNetwork::forward_logits(const Token*) { runs_nowhere(); }
std::vector<Network::Floats> PlannedNetwork::training_state() { runs_nowhere(); }
void PlannedNetwork::go_on_after(long) { runs_nowhere(); }
double PlannedNetwork::loss_and_gradients(const Token*, const Token*) { runs_nowhere(); }
const float* PlannedNetwork::gradient(int) const { runs_nowhere(); }
const std::vector<Parameter>& PlannedNetwork::parameters() const { runs_nowhere(); }

Options fitting(const Graph& graph, const Optimizer& optimizer, int most_rows, size_t memory_limit) {
  Options options;
  options.memory_limit = memory_limit;
  options.micro_steps = parts_that_fit(graph, optimizer, std::max(1, (graph.shape().rows + most_rows - 1) / most_rows), memory_limit);
  return options;
}

std::unique_ptr<Network> plan_network(const Graph& graph, const Optimizer& optimizer, int most_rows, size_t memory_limit) {
  return std::make_unique<PlannedNetwork>(graph, optimizer, fitting(graph, optimizer, most_rows, memory_limit));
}

}  // namespace swarm::cuda
