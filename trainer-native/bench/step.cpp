// Training steps of the shipped experiment at any scale: how long a whole one takes, and where the time goes, op by op and
// family by family, beside what the work clock charges. Tokens are random: nothing here depends on what they are.
#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "engine/core/network.h"
#include "engine/cpu/kernels.h"
#include "harness/budget.h"
#include "harness/contract.h"
#include "harness/failure.h"
#include "harness/options.h"
#include "harness/scale.h"

namespace {

using namespace swarm;

const char* const usage =
    "usage: bench-step [--T N] [--tokens N] [--workers 1|2] [--steps N] [--json]\n"
    "T: tokens in a row; tokens: in one step; without them the scale of a real run. SWARM_ISA=avx512|avx2|portable chooses the kernels";
constexpr int vocabulary = 1024, warm_up = 2;

struct Run {
  int T, tokens, workers, steps;
  bool json;
};

struct Row {  // of the table, for one step
  double seconds = 0, charged = 0, flops = 0;
  int ops = 0;
  void add(const Row& other) { seconds += other.seconds, charged += other.charged, flops += other.flops, ops += other.ops; }
};

const char* family_of(const std::string& op) {
  return op == "linear" || op == "attention" || op == "cross_entropy" || op == "update" ? op.c_str() : "row ops";
}

class Training {
 public:
  Training(const Run& run, bool measure) : tokens_(run.tokens), targets_(run.tokens) {
    Graph graph({run.tokens / run.T, run.T, vocabulary});
    experiment_build(graph, graph.shape());
    Optimizer optimizer;
    experiment_optimizer(graph, optimizer);
    Running running;
    running.workers = run.workers;
    running.measure = measure;
    network = std::make_unique<Network>(graph, optimizer, running);
    network->init(1);
    uint32_t state = 1;
    for (auto* ids : {&tokens_, &targets_})
      for (Token& id : *ids) state = state * 1664525u + 1013904223u, id = static_cast<Token>(state >> 22);
    for (int i = 0; i < warm_up; i++) step();
  }
  void step() { network->train_step(tokens_.data(), targets_.data(), experiment_schedule(0, 0)); }

  std::unique_ptr<Network> network;

 private:
  std::vector<Token> tokens_, targets_;
};

// Each op's fastest time of all steps: what other processes did to one of them stays out.
std::map<std::string, Row> time_ops(const Run& run) {
  Training training(run, true);
  const std::vector<Cost>& costs = training.network->step_costs();
  std::vector<double> best(costs.size(), 1e30), before = training.network->op_seconds();
  for (int step = 0; step < run.steps; step++) {
    training.step();
    const std::vector<double> after = training.network->op_seconds();
    for (size_t i = 0; i < costs.size(); i++) best[i] = std::min(best[i], after[i] - before[i]);
    before = after;
  }
  std::map<std::string, Row> rows;
  for (size_t i = 0; i < costs.size(); i++) {
    rows[costs[i].op].add({best[i], work_seconds({costs[i]}), costs[i].flops, 1});
  }
  return rows;
}

void print(const Run& run, const std::map<std::string, Row>& ops, const std::map<std::string, Row>& families, double wall, double processor,
           double peak, size_t parameters) {
  if (run.json) {
    std::printf("{\"isa\":\"%s\",\"T\":%d,\"tokensPerStep\":%d,\"workers\":%d,\"parameters\":%zu,\"peakGflops\":%.2f,\"wallSeconds\":%.6f,\"processorSeconds\":%.6f", cpu::kernels().isa, run.T,
                run.tokens, run.workers, parameters, peak * 1e-9, wall, processor);
    for (const auto& [name, rows] : {std::pair{"ops", &ops}, std::pair{"families", &families}}) {
      std::printf(",\"%s\":[", name);
      const char* between = "";
      for (const auto& [op, row] : *rows) {
        std::printf("%s{\"name\":\"%s\",\"ops\":%d,\"seconds\":%.7f,\"flops\":%.0f,\"chargedSeconds\":%.7f}", between, op.c_str(), row.ops, row.seconds,
                    row.flops, row.charged);
        between = ",";
      }
      std::printf("]");
    }
    std::printf("}\n");
    return;
  }
  std::printf("one step of %d tokens, T %d, kernels %s, %d worker%s: %.2f ms by the clock, %.2f ms of processor time; peak of a core %.1f GF/s\n\n", run.tokens, run.T,
              cpu::kernels().isa, run.workers, run.workers > 1 ? "s" : "", wall * 1e3, processor * 1e3, peak * 1e-9);
  std::printf("%-16s %6s %10s %8s %8s %11s\n", "", "ops", "ms", "GF/s", "of peak", "charged ms");
  for (const auto* rows : {&ops, &families}) {
    for (const auto& [name, row] : *rows)
      std::printf("%-16s %6d %10.3f %8.1f %7.0f%% %11.3f\n", name.c_str(), row.ops, row.seconds * 1e3, row.flops / row.seconds * 1e-9,
                  100 * row.flops / row.seconds / peak, row.charged * 1e3);
    std::printf("\n");
  }
}

void measure(const Run& run) {
  const auto ops = time_ops(run);
  std::map<std::string, Row> families;
  for (const auto& [name, row] : ops) families[family_of(name)].add(row), families["whole step"].add(row);

  double wall = 1e30, processor = 1e30;
  Training training(run, false);
  for (int step = 0; step < run.steps; step++) {
    const double wall_start = bench::wall_seconds(), processor_start = bench::process_seconds();
    training.step();
    wall = std::min(wall, bench::wall_seconds() - wall_start);
    processor = std::min(processor, bench::process_seconds() - processor_start);
  }
  print(run, ops, families, wall, processor, bench::core_peak(), training.network->parameter_count());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options(argc, argv, {"--T", "--tokens", "--workers", "--steps"}, {"--json", "--help"}, usage);
    if (options.has("--help")) {
      std::printf("%s\n", usage);
      return 0;
    }
    Run run;
    run.T = int(options.whole("--T", cpu_scale.T, 1, 65536));
    run.tokens = int(options.whole("--tokens", experiment_settings().tokens_per_step, 2, 1 << 20));
    run.workers = int(options.whole("--workers", 1, 1, 2));
    run.steps = int(options.whole("--steps", 10, 1, 10000));
    run.json = options.has("--json");
    if (run.tokens % (2 * run.T)) throw Failure(Exit::usage, "--tokens must be a multiple of two rows of --T");
    measure(run);
  } catch (const Failure& failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return int(failure.code);
  }
}
