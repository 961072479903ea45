// Training on the device against training on the CPU: 200 steps of the shipped experiment on a GPU, a small network in the emulator.
#include <algorithm>
#include <cmath>
#include <thread>
#include <type_traits>

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
constexpr int rows = 4, T = 128, first_steps = 20, steps = 200;
#else
constexpr int rows = 2, T = 16, first_steps = 5, steps = 20;
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

using Weights = std::vector<std::vector<float>>;

Weights weights_of(const Network& network) {
  Weights all;
  for (const Parameter& p : network.parameters()) all.emplace_back(p.values, p.values + size_t(p.rows) * p.cols);
  return all;
}

void train(Network& network, TrainingText& text, int count) {
  std::vector<uint16_t> tokens(size_t(rows) * T), targets(tokens.size());
  Schedule schedule;
  for (int step = 0; step < count; step++) {
    text.fill(rows, tokens.data(), targets.data());
    schedule.lr = std::min(1.0f, 2 * (1 - float(step) / float(count)));
    network.train_step(tokens.data(), targets.data(), schedule);
  }
}

// Weights after a few steps on the CPU. At the start of the shipped experiment every layer's output is zero, so the gradients of the
// lambdas are zero but for rounding, and Adam makes whole steps of that: no two arithmetics agree on their direction.
Weights begun(const Task& t, const std::vector<TokenFile>& files, uint64_t seed) {
  Network network(t.graph, t.optimizer, {});
  network.init(seed);
  TrainingText text(files, T, seed + 100);
  train(network, text, first_steps);
  return weights_of(network);
}

// The loss on rows that were not trained on, after `steps` steps from `start` on rows drawn from the seed.
template <class Net>
double held_out_loss(Net& network, const Weights& start, const std::vector<TokenFile>& files, uint64_t seed) {
  network.init(seed);
  for (size_t i = 0; i < start.size(); i++) std::copy(start[i].begin(), start[i].end(), network.parameters()[i].values);
  if constexpr (std::is_same_v<Net, DeviceNetwork>) network.upload_weights();
  TrainingText text(files, T, seed), other(files, T, 999);
  train(network, text, steps);
  std::vector<uint16_t> tokens(size_t(rows) * T), targets(tokens.size());
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
  check::DataFolder data(check::DataFolder::sentences(300, 1), check::DataFolder::sentences(60, 2));
  const auto files = DataSet(data.path).open_training();
  constexpr int seeds = 4;
  std::vector<Weights> start(seeds);
  std::vector<double> cpu(seeds), device(seeds);
  std::vector<std::thread> threads;
  for (int i = 0; i < seeds; i++)
    threads.emplace_back([&, i] {
      start[i] = begun(t, files, uint64_t(i + 1));
      Network network(t.graph, t.optimizer, {});
      cpu[i] = held_out_loss(network, start[i], files, uint64_t(i + 1));
    });
  for (std::thread& thread : threads) thread.join();
  double mean = 0, squares = 0, apart = 0;
  for (double loss : cpu) mean += loss / seeds;
  for (double loss : cpu) squares += (loss - mean) * (loss - mean);
  const double spread = std::sqrt(squares / (seeds - 1));
  DeviceNetwork network(t.graph, t.optimizer, {});
  for (int i = 0; i < seeds; i++) {
    device[i] = held_out_loss(network, start[i], files, uint64_t(i + 1));
    apart += (device[i] - cpu[i]) / seeds;
    std::printf("held-out loss after %d steps, seed %d: CPU %.5f, device %.5f\n", steps, i + 1, cpu[i], device[i]);
  }
  std::printf("on average the device is %+.5f from the CPU, whose spread over seeds is %.5f\n", apart, spread);
  CHECK_NEAR(apart, 0, spread / 3);
  CHECK(device[0] < std::log(double(check::DataFolder::vocab)) - 0.3);  // it learned
  DeviceNetwork again(t.graph, t.optimizer, {});
  CHECK_EQUAL(held_out_loss(again, start[0], files, 1), device[0]);
}
