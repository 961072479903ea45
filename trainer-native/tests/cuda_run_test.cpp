// Whole runs through the backend: what the harness and the judge do with a device. In the emulator none of it needs a GPU.
#include <algorithm>
#include <cmath>

#include "cuda_check.h"
#include "data_folder.h"
#include "engine/cuda/feed.h"
#include "engine/cuda/network.h"
#include "engine/cuda/scoring.h"
#include "harness/backend_choice.h"
#include "harness/data_set.h"
#include "harness/failure.h"
#include "harness/frozen.h"
#include "harness/json.h"
#include "harness/training.h"
#include "judge/evaluator.h"
#include "judge/judgement.h"

using namespace cuda_check;
using namespace swarm;
using swarm::cuda::DeviceNetwork;

namespace {

// One layer of everything that a judge's network of the recipe has, as narrow as the kernels allow.
Graph small(int rows, int T, int vocab) {
  Graph g({rows, T, vocab});
  Tensor x = g.rmsnorm(g.embed(g.param("wte", vocab, 32, normal(1))));
  AttentionOptions o;
  o.window = T / 2;
  Tensor q = g.rmsnorm(g.rope(g.linear(x, g.param("q", 32, 32, uniform(0.3f))), 32, 10000), 32);
  Tensor y = g.linear(g.attention(q, q, x, o), g.param("o", 32, 32, uniform(0.3f)));
  x = g.ew({x, y}, [](auto x, auto y) { return x + square(relu(y)); });
  Tensor logits = g.linear(g.rmsnorm(x), g.param("head", vocab, 32, normal(0.3f)));
  g.output(g.ew({logits}, [](auto l) { return 15.0f * tanh(l / 15.0f); }));
  return g;
}

struct Judged : check::DataFolder {
  Judged() : DataFolder(sentences(4, 1), sentences(60, 2)) {}  // two batches of held-out rows
  std::string checkpoint() const { return path + "/checkpoint.bin"; }
  void write(const Graph& graph) {
    Network network(graph, support::plain_adam(), {});
    network.init(5);
    write_checkpoint(checkpoint(), {false, 5, 1, 1, frozen_sha256, DataSet(path).manifest(), "tokens:1"}, network);
  }
  double score(const char* backend) const { return judge(path, checkpoint(), "val", backend).score.bits_per_byte(); }
};

}  // namespace

TEST("cuda feed: inputs arrive in the order they were sent, and a third on its way or an arrival of nothing is a mistake") {
  const On<uint16_t> place(4);
  cuda::Feed feed(reinterpret_cast<char*>(static_cast<uint16_t*>(place)), 8);
  const auto send = [&](uint16_t number) {
    std::fill_n(reinterpret_cast<uint16_t*>(feed.next()), 4, number);
    feed.send();
  };
  send(1);
  send(2);
  CHECK_THROWS(feed.next(), std::logic_error, "both slots are on their way");
  feed.arrive();
  cuda::wait();
  CHECK_EQUAL(place.get()[3], 1);
  send(3);
  feed.arrive();
  feed.arrive();
  cuda::wait();
  CHECK_EQUAL(place.get()[0], 3);
  CHECK_THROWS(feed.arrive(), std::logic_error, "nothing is on its way");
}

TEST("cuda network: rows that were expected give the bits of rows that were not, in two micro-steps, and other rows are a mistake") {
  const Graph g = small(4, 8, 32);
  cuda::Options options;
  options.micro_steps = 2;
  support::Random random(11);
  std::vector<std::vector<uint16_t>> rows;
  for (int step = 0; step < 8; step++) rows.push_back(support::random_tokens(random, 32, 32));
  const auto weights_after = [&](bool ahead) {
    DeviceNetwork network(g, support::plain_adam(), options);
    network.rehearse();
    network.init(3);
    double loss = 0;
    for (int step = 0; step < 3; step++) {
      network.start_step(rows[size_t(2 * step)].data(), rows[size_t(2 * step + 1)].data(), {});
      if (ahead) network.expect(rows[size_t(2 * step + 2)].data(), rows[size_t(2 * step + 3)].data());
      loss = network.finish_step();
    }
    if (ahead) CHECK_THROWS(network.start_step(rows[0].data(), rows[1].data(), {}), std::logic_error, "other rows were expected");
    const auto& p = network.parameters()[0];
    return std::to_string(loss) + bits_of(std::vector<float>(p.values, p.values + size_t(p.rows) * p.cols));
  };
  CHECK(weights_after(true) == weights_after(false));
}

TEST("cuda scoring: the loss of every token agrees with the CPU's logits, whole and in chunks") {
  const Graph g = small(6, 16, 64);
  Network cpu(g, 6);
  cuda::DeviceScoring device(g, 6, size_t{1} << 30);
  support::Random random(2);
  for (size_t p = 0; p < cpu.parameters().size(); p++) {
    const Parameter &to = cpu.parameters()[p], &other = device.parameters()[p];
    CHECK_EQUAL(to.name, other.name);
    for (size_t i = 0; i < size_t(to.rows) * to.cols; i++) to.values[i] = other.values[i] = to_float(to_bf16(float(0.5 * random.uniform())));
  }
  device.upload_weights();
  const auto tokens = support::random_tokens(random, 96, 64), targets = support::random_tokens(random, 96, 64);
  const float* losses = device.of(tokens.data(), targets.data());
  const float* logits = cpu.forward_logits(tokens.data());
  double sum = 0, sum_cpu = 0;
  for (int n = 0; n < 96; n++) {
    const double wanted = nats_of(logits + n * 64, 64, targets[size_t(n)]);
    CHECK_NEAR(losses[n], wanted, 0.03 * (1 + wanted));  // logits of up to 15 in bf16: half a unit in the last place is 2^-6
    sum += losses[n], sum_cpu += wanted;
  }
  CHECK_NEAR(sum / 96, sum_cpu / 96, 3e-3);  // roundings go both ways
  CHECK_EQUAL(device.tape().launches().back().kernel, std::string("cross_entropy"));
  CHECK(device.plan().bytes < DeviceNetwork(g, support::plain_adam(), {}).plan().bytes);
}

TEST("cuda judge: the score of a checkpoint on the device is the CPU's to what bf16 leaves") {
  Judged w;
  w.write(small(16, 128, 64));
  const double on_cpu = w.score("cpu"), on_device = w.score("cuda");
  // Each loss is off by about 2^-9 of logits near 1 and the errors are independent over 2,000 tokens or more.
  CHECK_NEAR(on_device, on_cpu, 2e-3 * on_cpu);
  CHECK(on_device != on_cpu);  // it was another machine that computed it
  CHECK_FAILS(w.score("tpu"), Exit::usage, "expected auto, cpu or cuda");
  w.write(small(16, 64, 64));
  CHECK_FAILS(w.score("cpu"), Exit::checkpoint, "rows of 64 tokens, which is no scale");
}

TEST("cuda judge: losses tell a probe as much as logits do, of a network that is honest and of one that looks a token ahead") {
  Judged w;
  w.write(small(16, 128, 64));
  Evaluator evaluator(read_checkpoint(w.checkpoint()), 4, 128, 64, true);
  const Forward honest = evaluator.forward();
  CHECK_EQUAL(honest.width, 1);
  support::Random random(4);
  const auto rows = support::random_tokens(random, 4 * 128, 64), others = support::random_tokens(random, 4 * 128, 64);
  std::vector<float> numbers;
  const Forward leaking{[&](const uint16_t* tokens) {
    const float* losses = honest.run(tokens);
    numbers.assign(losses, losses + 4 * 128);
    for (int n = 0; n + 1 < 4 * 128; n++) numbers[size_t(n)] += 1e-3f * tokens[n + 1];
    return static_cast<const float*>(numbers.data());
  }, 1};
  require_blind_to_the_future(honest, rows.data(), 4, 128, 64, 9);
  require_alone_in_its_row(honest, rows.data(), others.data(), 4, 128, 9);
  CHECK_FAILS(require_blind_to_the_future(leaking, rows.data(), 4, 128, 64, 9), Exit::checkpoint, "sees the future");
}

TEST("cuda backend: the CPU's scale stays on the CPU unless asked, the full size takes a device where there is one") {
  CHECK(!choose_backend("", cpu_scale).cuda);
  CHECK(!choose_backend("cpu", gpu_scale).cuda);
  CHECK(choose_backend("", gpu_scale).cuda);
  CHECK(choose_backend("auto", cpu_scale).cuda);
  CHECK(choose_backend("cuda", cpu_scale).cuda);
  CHECK_FAILS(choose_backend("gpu", cpu_scale), Exit::usage, "expected auto, cpu or cuda");
}

#ifndef SWARM_ON_GPU  // there the driver's threads live in this process, and a description refuses to run beside any
TEST("cuda describe: a run on a device costs what it costs the CPU, in bytes of its own") {
  check::DataFolder data(check::DataFolder::sentences(60, 1), {});
  TrainingOrder order;
  order.data = data.path, order.budget = "work:24s";
  const JsonValue cpu = parse_json(describe(order));
  order.backend = "cuda";
  const JsonValue device = parse_json(describe(order));
  CHECK_EQUAL(cpu.member("backend")->string + device.member("backend")->string, "cpucuda");
  CHECK_EQUAL(device.member("scale")->string, "cpu");
  for (const char* fact : {"steps", "workPerStep", "flopsPerToken", "paramsM", "tokensPerStep"}) CHECK_EQUAL(device.member(fact)->value, cpu.member(fact)->value);
  CHECK(device.member("peakBytes")->value > 0 && device.member("peakBytes")->value != cpu.member("peakBytes")->value);
  CHECK_EQUAL(device.member("microSteps")->value, 1.0);
  order.scale = "gpu";
  CHECK_FAILS(describe(order), Exit::usage, "compiled for the scale cpu, not gpu: build it with `make trainer SCALE=gpu`");
}
#endif

TEST("cuda fitting: as few micro-steps as fit, and a refusal when not even one row does") {
  const Graph g = small(8, 8, 32);
  CHECK_EQUAL(cuda::fitting(g, support::plain_adam(), 8, size_t{1} << 40).micro_steps, 1);
  CHECK_EQUAL(cuda::fitting(g, support::plain_adam(), 4, size_t{1} << 40).micro_steps, 2);
  CHECK_EQUAL(cuda::fitting(g, support::plain_adam(), 3, size_t{1} << 40).micro_steps, 4);  // three parts are no whole rows
  const size_t one = cuda::Plan(g, support::plain_adam(), {}).bytes;
  CHECK_EQUAL(cuda::fitting(g, support::plain_adam(), 8, one).micro_steps, 1);
  CHECK_EQUAL(cuda::fitting(g, support::plain_adam(), 8, one - 1).micro_steps, 2);
  CHECK_THROWS(cuda::plan_network(g, support::plain_adam(), 8, 1 << 10), Refused, "make it smaller");
}
