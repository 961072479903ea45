// Where one training step of the shipped experiment spends its time, op by op, beside what the work clock charges for it.
// `make bench`, `bench-step [--json]`. Tokens are random: nothing here depends on what they are.
#include <cstdio>
#include <cstring>
#include <map>
#include <vector>

#include "engine/core/network.h"
#include "engine/cpu/kernels.h"
#include "experiment/train.cu"  // the experiment itself: it describes a network and nothing else
#include "harness/reference_core.h"
#include "harness/scale.h"

namespace {

constexpr int kVocabulary = 1024, kWarmUp = 3, kSteps = 20;

struct Row {
  double seconds = 0, charged = 0, flops = 0;  // a step
  int ops = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const bool json = argc > 1 && std::strcmp(argv[1], "--json") == 0;
  if (argc > 1 && !json) {
    std::fprintf(stderr, "usage: bench-step [--json]   (SWARM_ISA=avx512|avx2|portable chooses the kernels)\n");
    return 2;
  }
  const int T = swarm::cpu_scale.T, tokens_a_step = experiment_settings().tokens_per_step;
  Graph graph({tokens_a_step / T, T, kVocabulary});
  experiment_build(graph, graph.shape());
  Optimizer optimizer;
  experiment_optimizer(graph, optimizer);
  Running running;
  running.measure = true;
  Network network(graph, optimizer, running);
  network.init(1);

  std::vector<Token> tokens(tokens_a_step), targets(tokens_a_step);
  uint32_t state = 1;
  for (auto* ids : {&tokens, &targets})
    for (Token& id : *ids) state = state * 1664525u + 1013904223u, id = static_cast<Token>(state >> 22);
  for (int step = 0; step < kWarmUp; step++) network.train_step(tokens.data(), targets.data(), experiment_schedule(step, 0));
  const std::vector<double> before = network.op_seconds();
  for (int step = 0; step < kSteps; step++) network.train_step(tokens.data(), targets.data(), experiment_schedule(step, 0));
  const std::vector<double> after = network.op_seconds();

  std::map<std::string, Row> rows;
  Row all;
  const std::vector<Cost>& costs = network.step_costs();
  for (size_t i = 0; i < costs.size(); i++) {
    const double seconds = (after[i] - before[i]) / kSteps;
    const double charged = std::max(costs[i].flops / swarm::reference_flops_per_second, costs[i].bytes / swarm::reference_bytes_per_second);
    for (Row* row : {&rows[costs[i].op], &all}) row->seconds += seconds, row->charged += charged, row->flops += costs[i].flops, row->ops++;
  }
  rows["whole step"] = all;

  if (json) std::printf("{\"isa\":\"%s\",\"tokensPerStep\":%d,\"ops\":[", swarm::cpu::kernels().isa, tokens_a_step);
  else std::printf("one step of %d tokens, one core, kernels %s\n\n%-16s %6s %10s %8s %10s\n", tokens_a_step, swarm::cpu::kernels().isa, "", "ops", "ms", "GF/s", "charged ms");
  bool first = true;
  for (const auto& [name, row] : rows) {
    if (json)
      std::printf("%s\n{\"name\":\"%s\",\"ops\":%d,\"milliseconds\":%.4f,\"gflops\":%.2f,\"chargedMilliseconds\":%.4f}", first ? "" : ",", name.c_str(),
                  row.ops, row.seconds * 1e3, row.flops / row.seconds * 1e-9, row.charged * 1e3);
    else std::printf("%-16s %6d %10.2f %8.1f %10.2f\n", name.c_str(), row.ops, row.seconds * 1e3, row.flops / row.seconds * 1e-9, row.charged * 1e3);
    first = false;
  }
  if (json) std::printf("]}\n");
}
