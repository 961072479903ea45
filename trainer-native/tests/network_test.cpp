// The shipped experiment as a whole: directional derivative, float32 against float64, the same bits whoever computes them.
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <new>

#include "check.h"
#include "harness/contract.h"
#include "support.h"

using namespace swarm;

// Every allocation of this process is counted: a training step must not make any.
static std::atomic<long> allocations{0};
#ifndef __SANITIZE_ADDRESS__  // which brings its own
void* operator new(size_t bytes) {
  allocations++;
  if (void* p = std::malloc(bytes ? bytes : 1)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
#endif

namespace {

Graph shipped(int rows, int T, int vocab) {
  Graph g({rows, T, vocab});
  experiment_build(g, g.shape());
  return g;
}

Network shipped_network(const Graph& g, int workers) {
  Optimizer optimizer;
  experiment_optimizer(g, optimizer);
  Running running;
  running.workers = workers;
  return Network(g, optimizer, running);
}

std::vector<float> all_weights(const Network& network) {
  std::vector<float> all;
  for (const Parameter& p : network.parameters()) all.insert(all.end(), p.values, p.values + size_t(p.rows) * p.cols);
  return all;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && !std::memcmp(a.data(), b.data(), a.size() * sizeof(float));
}

}  // namespace

TEST("network: a shard taken in portions has the losses of its rows one by one, bit for bit, and their gradients") {
  constexpr int rows = 12, T = 128, vocab = 33;  // a shard of 6 rows: two portions of 3
  const Graph whole = shipped(rows, T, vocab), pair = shipped(2, T, vocab);  // a shard of one row is one portion
  Network network = shipped_network(whole, 1), one_by_one = shipped_network(pair, 1);
  support::Random random(3);
  for (size_t p = 0; p < network.parameters().size(); p++) {
    const Parameter &a = network.parameters()[p], &b = one_by_one.parameters()[p];
    for (size_t i = 0; i < size_t(a.rows) * a.cols; i++) a.values[i] = b.values[i] = float(0.3 * random.uniform());
  }
  const auto tokens = support::random_tokens(random, rows * T, vocab), targets = support::random_tokens(random, rows * T, vocab);
  network.poison();
  network.loss_and_gradients(tokens.data(), targets.data());
  std::vector<float> losses;
  std::vector<std::vector<double>> sums(network.parameters().size());
  for (size_t p = 0; p < sums.size(); p++) sums[p].assign(size_t(network.parameters()[p].rows) * network.parameters()[p].cols, 0.0);
  for (int row = 0; row < rows; row += 2) {
    one_by_one.loss_and_gradients(tokens.data() + row * T, targets.data() + row * T);
    losses.insert(losses.end(), one_by_one.token_losses().begin(), one_by_one.token_losses().end());
    for (size_t p = 0; p < sums.size(); p++)
      for (size_t i = 0; i < sums[p].size(); i++) sums[p][i] += one_by_one.gradient(int(p))[i] * 2.0 / rows;
  }
  CHECK(same_bits(network.token_losses(), losses));
  // The gradients of the first layer's scalars nearly cancel, so they are held to what a float of the others would lose.
  for (size_t p = 0; p < sums.size(); p++) CHECK(support::distance(network.gradient(int(p)), sums[p], 0.1) < 1e-5);
}

TEST("network: directional derivative of the shipped experiment in float64") {
  const Graph g = shipped(2, 9, 33);
  support::Random random(1);
  Reference reference(g, 2);
  for (auto& values : reference.values) for (double& v : values) v = 0.3 * random.uniform();
  const auto tokens = support::random_tokens(random, 18, 33), targets = support::random_tokens(random, 18, 33);
  reference.loss_and_gradients(tokens.data(), targets.data());
  const auto start = reference.values;
  auto direction = start;
  double slope = 0;
  for (size_t n = 0; n < g.nodes().size(); n++) {
    if (g.nodes()[n].op != Op::Param) continue;
    for (size_t i = 0; i < start[n].size(); i++) slope += (direction[n][i] = random.uniform()) * reference.gradients[n][i];
  }
  auto loss_at = [&](double h) {
    for (size_t n = 0; n < g.nodes().size(); n++)
      if (g.nodes()[n].op == Op::Param) for (size_t i = 0; i < start[n].size(); i++) reference.values[n][i] = start[n][i] + h * direction[n][i];
    return reference.loss(tokens.data(), targets.data());
  };
  const double h = 1e-6;  // small: along a random direction of 400,000 weights the loss bends quickly
  const double difference = (8 * (loss_at(h) - loss_at(-h)) - (loss_at(2 * h) - loss_at(-2 * h))) / (12 * h);
  CHECK_NEAR(difference, slope, 1e-6 * std::fabs(slope));
}

TEST("network: float32 loss and every gradient of the shipped experiment against float64") {
  const Graph g = shipped(4, 19, 47);
  Network network = shipped_network(g, 1);
  Reference reference(g, 4);
  support::Random random(2);
  support::same_random_weights(network, reference, random, 0.3);
  const auto tokens = support::random_tokens(random, 76, 47), targets = support::random_tokens(random, 76, 47);
  network.poison();
  CHECK_NEAR(network.loss_and_gradients(tokens.data(), targets.data()), reference.loss_and_gradients(tokens.data(), targets.data()), 1e-5);
  const double floor = 1e-2 * support::length_of_gradients(reference, g);
  size_t p = 0;
  for (size_t n = 0; n < g.nodes().size(); n++) {
    if (g.nodes()[n].op != Op::Param) continue;
    const double apart = support::distance(network.gradient(int(p++)), reference.gradients[n], floor);
    if (!(apart < 1e-4)) check::fail(__FILE__, __LINE__, "gradient of " + g.nodes()[n].name + " is " + std::to_string(apart) + " off");
  }
}

TEST("network: one worker and two give the same bits, a seed gives itself, another seed another network") {
  const Graph g = shipped(8, 32, 64);
  support::Random random(3);
  const auto tokens = support::random_tokens(random, 256, 64), targets = support::random_tokens(random, 256, 64);
  auto trained = [&](int workers, uint64_t seed) {
    Network network = shipped_network(g, workers);
    network.init(seed);
    for (int step = 0; step < 4; step++) {
      network.poison();
      network.train_step(tokens.data(), targets.data(), experiment_schedule(step, step / 4.0f));
    }
    return all_weights(network);
  };
  const auto one = trained(1, 5);
  for (float w : one) CHECK(std::isfinite(w));
  CHECK(same_bits(one, trained(2, 5)));
  CHECK(same_bits(one, trained(1, 5)));
  CHECK(!same_bits(one, trained(1, 6)));
}

TEST("network: a permutation of the rows permutes the losses of the tokens, bit for bit") {
  const int rows = 6, T = 21;
  const Graph g = shipped(rows, T, 40);
  Network network = shipped_network(g, 1);
  Reference unused(g, rows);
  support::Random random(4);
  support::same_random_weights(network, unused, random, 0.3);
  const auto tokens = support::random_tokens(random, rows * T, 40), targets = support::random_tokens(random, rows * T, 40);
  network.loss_and_gradients(tokens.data(), targets.data());
  const std::vector<float> before = network.token_losses();
  const int order[rows] = {4, 2, 5, 0, 1, 3};
  auto moved_tokens = tokens, moved_targets = targets;
  for (int r = 0; r < rows; r++)
    for (int t = 0; t < T; t++) {
      moved_tokens[r * T + t] = tokens[order[r] * T + t];
      moved_targets[r * T + t] = targets[order[r] * T + t];
    }
  network.loss_and_gradients(moved_tokens.data(), moved_targets.data());
  for (int r = 0; r < rows; r++) CHECK(!std::memcmp(&network.token_losses()[r * T], &before[order[r] * T], T * sizeof(float)));
}

TEST("network: a later token changes no earlier logit") {
  const Graph g = shipped(2, 24, 40);
  Network network(g, 2);
  Reference unused(g, 2);
  support::Random random(5);
  support::same_random_weights(network, unused, random, 0.3);
  auto tokens = support::random_tokens(random, 48, 40);
  const float* logits = network.forward_logits(tokens.data());
  const std::vector<float> before(logits, logits + 48 * 40);
  for (int t = 13; t < 24; t++) tokens[t] = uint16_t((tokens[t] + 1) % 40);  // row 0 only
  network.forward_logits(tokens.data());
  CHECK(!std::memcmp(logits, before.data(), 13 * 40 * sizeof(float)));
  CHECK(!std::memcmp(logits + 24 * 40, before.data() + 24 * 40, 24 * 40 * sizeof(float)));
  CHECK(std::memcmp(logits + 13 * 40, before.data() + 13 * 40, 11 * 40 * sizeof(float)));
}

TEST("network: one batch can be learnt by heart") {
  const Graph g = shipped(4, 32, 64);
  Network network = shipped_network(g, 1);
  network.init(1);
  support::Random random(6);
  const auto tokens = support::random_tokens(random, 128, 64), targets = support::random_tokens(random, 128, 64);
  const double first = network.train_step(tokens.data(), targets.data(), experiment_schedule(0, 0));
  CHECK_NEAR(first, std::log(64.0), 0.1);  // nearly uniform at the start
  double loss = first;
  for (int step = 1; step < 150; step++) loss = network.train_step(tokens.data(), targets.data(), experiment_schedule(step, step / 150.0f));
  CHECK(loss < 0.02);
}

TEST("network: nothing is allocated after set-up, whatever ops and rules it is made of") {
  const auto allocated_by_a_step = [](Network& network) {
    const Shape& shape = network.graph().shape();
    network.init(1);
    support::Random random(7);
    const auto tokens = support::random_tokens(random, shape.rows * shape.T, shape.vocab), targets = support::random_tokens(random, shape.rows * shape.T, shape.vocab);
    network.train_step(tokens.data(), targets.data(), experiment_schedule(0, 0));
    const long before = allocations;
    CHECK(std::isfinite(network.train_step(tokens.data(), targets.data(), experiment_schedule(1, 0))));
    return allocations - before;
  };
  const Graph usual = shipped(4, 32, 64);
  Network plain = shipped_network(usual, 2);
  CHECK_EQUAL(allocated_by_a_step(plain), 0L);

  Graph g({4, 12, 64});
  Tensor x = g.rope(g.embed(g.param("table", 64, 32, normal(1))), 16, 100);
  x = g.scan(g.ew({g.conv(x, g.param("taps", 3, 32, normal(0.5f)))}, [](auto y) { return sigmoid(y); }), g.token_shift(x, 2));
  AttentionOptions o;
  o.heads = 2;
  o.softcap = 5;
  x = g.concat({g.slice(g.attention(x, x, x, o), 3, 20), g.rmsnorm(x)});
  x = g.ew({x, g.param("scale", 52, constant(1)), g.param("one", 1, constant(1))}, [](auto x, auto scale, auto one) { return x * scale + one; });
  g.output(g.linear(x, g.param("head", 64, 52, normal(0.1f))));
  Optimizer optimizer;
  optimizer.adam("one", {0.01f});
  optimizer.muon("head", {0.01f});
  const auto rule = [](UpdateGraph& u) {  // every kind of pass
    const Value p = u.parameter(), m = u.state(), r = u.state(u.rows(), 1);
    const Value mean = u.ew({r, u.mean_square(u.gradient(), Each::Row)}, [](auto r, auto now) { return 0.9f * r + 0.1f * now; });
    const Value gram = u.matmul(u.gradient(), p, Product::ABt);
    const Value move = u.ew({u.polar(u.matmul(gram, m), 3), mean, u.norm(p)}, [](auto x, auto mean, auto norm) { return x / (1.0f + mean + norm); });
    u.set(r, mean), u.set(m, u.gradient());
    u.set(p, u.ew({p, move, u.lr(0.01f)}, [](auto p, auto move, auto lr) { return p - lr * move; }));
  };
  for (const char* name : {"table", "taps", "scale"}) optimizer.group(name, rule);
  Running running;
  running.workers = 2;
  Network everything(g, optimizer, running);
  CHECK_EQUAL(allocated_by_a_step(everything), 0L);
}

TEST("network: memory is planned, known and limited; judging needs far less") {
  const Graph g = shipped(8, 128, 1024);
  Network network = shipped_network(g, 1);
  CHECK(network.peak_bytes() > network.parameter_count() * 20);  // weights, two gradients, two states
  CHECK(network.peak_bytes() < size_t{200} << 20);
  CHECK(Network(g, 8).peak_bytes() < network.peak_bytes() / 3);
  Optimizer optimizer;
  experiment_optimizer(g, optimizer);
  Running running;
  running.memory_limit = 1 << 20;
  CHECK_THROWS(Network(g, optimizer, running), Refused, "make it smaller");
}

TEST("network: costs count every product of the shipped experiment") {
  const Graph g = shipped(8, 128, 1024);
  Network network = shipped_network(g, 1);
  double linear = 0, total = 0;
  for (const Cost& c : network.step_costs()) {
    CHECK(c.flops >= 0 && c.bytes > 0);
    total += c.flops;
    if (std::string(c.op) == "linear") linear += c.flops;
  }
  double weights = 0;  // of linears: two flops forward, four backward, for each token
  for (const Parameter& p : network.parameters()) if (p.name == "head" || !p.name.compare(0, 6, "block.")) weights += double(p.rows) * p.cols;
  CHECK_NEAR(linear, 6 * weights * 1024, 1);
  CHECK_NEAR(network.flops_per_token(), total / 1024, 1);
}
