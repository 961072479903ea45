// Training on the device against training on the CPU: 200 steps of the shipped experiment on a GPU, a small network in the emulator.
#include <algorithm>
#include <cmath>

#include "cuda_check.h"
#include "data_folder.h"
#include "engine/cuda/network.h"
#include "harness/contract.h"
#include "harness/training_text.h"

using namespace cuda_check;
using namespace swarm;
using swarm::cuda::DeviceNetwork;

namespace {

#ifdef SWARM_ON_GPU
constexpr int rows = 4, T = 128, steps = 200;
#else
constexpr int rows = 2, T = 16, steps = 25;
#endif

struct Task {
  Graph graph{{rows, T, int(check::DataFolder::vocab)}};
  Optimizer optimizer;
};
Task task() {
  Task t;
#ifdef SWARM_ON_GPU
  experiment_build(t.graph, t.graph.shape());
  experiment_optimizer(t.graph, t.optimizer);
#else
  Graph& g = t.graph;
  Tensor x = g.rmsnorm(g.embed(g.param("wte", g.shape().vocab, 32, normal(1))));
  Tensor h = g.linear(x, g.param("block.up", 64, 32, uniform(0.3f)));
  x = g.ew({x, g.linear(g.ew({h}, [](auto h) { return square(relu(h)); }), g.param("block.down", 32, 64, uniform(0.1f)))}, [](auto x, auto y) { return x + y; });
  g.output(g.linear(g.rmsnorm(x), g.param("head", g.shape().vocab, 32, normal(0.01f))));
  Adam tables;
  tables.lr = 0.02f;
  t.optimizer.adam("wte", tables);
  t.optimizer.adam("head", tables);
  Muon matrices;
  matrices.lr = 0.02f;
  t.optimizer.muon("block.*", matrices);
#endif
  return t;
}

// The loss on rows that were not trained on, after `steps` steps on those drawn from the seed.
double held_out_loss(Network& network, uint64_t seed, std::vector<double>* curve = nullptr) {
  check::DataFolder data(check::DataFolder::sentences(300, 1), check::DataFolder::sentences(60, 2));
  const auto files = DataSet(data.path).open_training();
  TrainingText text(files, T, seed), other(files, T, 999);
  std::vector<uint16_t> tokens(size_t(rows) * T), targets(tokens.size());
  network.init(seed);
  Schedule schedule;
  for (int step = 0; step < steps; step++) {
    text.fill(rows, tokens.data(), targets.data());
    schedule.lr = std::min(1.0f, 2 * (1 - float(step) / steps));
    const double loss = network.train_step(tokens.data(), targets.data(), schedule);
    if (curve && (step < 4 || step % 10 == 0)) curve->push_back(loss);
  }
  double sum = 0;
  constexpr int batches = 8;
  for (int b = 0; b < batches; b++) {
    other.fill(rows, tokens.data(), targets.data());
    sum += network.loss_and_gradients(tokens.data(), targets.data());
  }
  return sum / batches;
}

}  // namespace

TEST("cuda training: held-out loss after the same steps is the CPU's within a third of its spread over seeds, and the same bits twice") {
  const Task t = task();
  std::vector<double> cpu;
  for (uint64_t seed = 1; seed <= 4; seed++) {
    Network network(t.graph, t.optimizer, {});
    std::vector<double> c;
    cpu.push_back(held_out_loss(network, seed, &c));
    DeviceNetwork device(t.graph, t.optimizer, {});
    std::vector<double> d;
    const double at = held_out_loss(device, seed, &d);
    std::printf("seed %d: CPU %.5f device %.5f\n", int(seed), cpu.back(), at);
    for (size_t i = 0; i < c.size(); i++) std::printf(" %.4f/%.4f", c[i], d[i]);
    std::printf("\n");
  }
  double mean = 0, squares = 0;
  for (double loss : cpu) mean += loss / double(cpu.size());
  for (double loss : cpu) squares += (loss - mean) * (loss - mean);
  const double spread = std::sqrt(squares / double(cpu.size() - 1));
  DeviceNetwork network(t.graph, t.optimizer, {}), again(t.graph, t.optimizer, {});
  const double device = held_out_loss(network, 1);
  std::printf("held-out loss after %d steps: CPU %.5f (spread %.5f over %zu seeds), device %.5f\n", steps, cpu[0], spread, cpu.size(), device);
  CHECK_NEAR(device, cpu[0], spread / 3);
  CHECK(device < std::log(double(check::DataFolder::vocab)) - 0.3);  // it learned
  CHECK_EQUAL(held_out_loss(again, 1), device);
}
