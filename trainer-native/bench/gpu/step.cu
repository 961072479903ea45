// Where a training step of the full size spends its time on this GPU, kernel by kernel: each launch of its tapes by itself, between
// two events. Their sum is more than a step takes, since launches in a graph follow each other without a gap.
//   bench-gpu-step [--json]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "engine/cuda/backend.h"
#include "engine/cuda/blas_lt.h"
#include "engine/cuda/network.h"
#include "engine/cuda/runtime.h"
#include "harness/contract.h"
#include "harness/scale.h"

using namespace swarm;
using namespace swarm::cuda;

namespace {

constexpr int vocabulary = 8192;

struct Row {
  double seconds = 0;  // of a step
  int launches = 0;
};

std::string name_of(const Launch& launch) {
  const auto extent = [](const Extent& e) { return std::to_string(e.x) + "x" + std::to_string(e.y) + "x" + std::to_string(e.z); };
  return std::string(launch.kernel) + (launch.note.empty() ? "" : " " + launch.note) + " " + extent(launch.grid) + " of " + extent(launch.block) + (launch.shared ? ", " + std::to_string(launch.shared) + " B" : "");
}

// The faster of two runs of each launch, `times` of which make a step.
void time_launches(const Tape& tape, int times, std::map<std::string, Row>& rows) {
  cudaEvent_t before, after;
  require(cudaEventCreate(&before), "event");
  require(cudaEventCreate(&after), "event");
  std::vector<float> best(tape.launches().size(), 1e30f);
  for (int round = 0; round < 2; round++)
    for (size_t i = 0; i < tape.launches().size(); i++) {
      float ms = 0;
      require(cudaEventRecord(before, nullptr), "event");
      tape.launches()[i].start(nullptr);
      require(cudaEventRecord(after, nullptr), "event");
      require(cudaEventSynchronize(after), "event");
      require(cudaEventElapsedTime(&ms, before, after), "event");
      best[i] = std::min(best[i], ms);
    }
  for (size_t i = 0; i < best.size(); i++) {
    Row& row = rows[name_of(tape.launches()[i])];
    row.seconds += times * double(best[i]) * 1e-3, row.launches += times;
  }
}

void measure(bool json) {
  Graph graph({experiment_settings().tokens_per_step / gpu_scale.T, gpu_scale.T, vocabulary});
  experiment_build(graph, graph.shape());
  Optimizer optimizer;
  experiment_optimizer(graph, optimizer);
  Options options = fitting(graph, optimizer, gpu_scale.rows_at_once, the_device().memory_bytes);
  std::string why;
  options.products = library_products(why);
  DeviceNetwork network(graph, optimizer, options);
  network.init(1);
  std::vector<Token> tokens(size_t(graph.shape().rows) * gpu_scale.T), targets(tokens.size());
  uint32_t state = 1;
  for (auto* ids : {&tokens, &targets})
    for (Token& id : *ids) state = state * 1664525u + 1013904223u, id = static_cast<Token>(state >> 19);
  const auto step = [&] { network.start_step(tokens.data(), targets.data(), {}), network.finish_step(); };
  step();
  double whole = 1e30;
  for (int i = 0; i < 5; i++) {
    const auto start = std::chrono::steady_clock::now();
    step();
    whole = std::min(whole, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  std::map<std::string, Row> rows;
  time_launches(network.first_micro_step(), 1, rows);
  if (network.micro_steps() > 1) time_launches(network.later_micro_step(), network.micro_steps() - 1, rows);
  time_launches(network.update(), 1, rows);
  std::vector<std::pair<std::string, Row>> sorted(rows.begin(), rows.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.second.seconds > b.second.seconds; });
  double sum = 0;
  for (const auto& [name, row] : sorted) sum += row.seconds;
  if (!json) std::printf("a step of %zu tokens: %.2f ms, %.0f tokens a second; its launches one by one: %.2f ms\n", tokens.size(), whole * 1e3, double(tokens.size()) / whole, sum * 1e3);
  else std::printf("{\"what\":\"step\",\"seconds\":%.6g,\"tokens\":%zu,\"launches\":%.6g}\n", whole, tokens.size(), sum);
  for (const auto& [name, row] : sorted)
    if (json) std::printf("{\"what\":\"%s\",\"seconds\":%.6g,\"launches\":%d}\n", name.c_str(), row.seconds, row.launches);
    else std::printf("%9.3f ms %5.1f%% %5d x %s\n", row.seconds * 1e3, 100 * row.seconds / sum, row.launches, name.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    measure(argc > 1 && std::strcmp(argv[1], "--json") == 0);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench-gpu-step: %s\n", error.what());
    return 1;
  }
}
