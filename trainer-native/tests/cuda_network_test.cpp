// The backend as a whole: whole steps of small networks against float64, the plan's memory, and what the tapes tell the device in which
// order. None of it needs a GPU.
#include <algorithm>

#include "cuda_step_check.h"

using namespace cuda_check;
using namespace swarm;
using swarm::cuda::DeviceNetwork;
using swarm::cuda::Options;

TEST("cuda network: every op forward and backward in a small network agrees with float64") {
  check_op({2, 7, 13, 5}, [](Graph&, Tensor x) { return x; });
  check_op({2, 3, 9, 16}, [](Graph& g, Tensor x) {
    Tensor w = g.param("w", 16, 16, constant(0));
    return g.linear(g.linear(x, w), w);  // one weight, two uses: its gradient adds up
  }, false);
  check_op({2, 6, 10, 12}, [](Graph& g, Tensor x) {
    Tensor t = g.param("tied", 10, 12, constant(0));
    return g.ew({x, g.embed(t), g.embed(t)}, [](auto x, auto a, auto b) { return x * a + b; });
  });
  check_op({2, 3, 7, 12}, [](Graph& g, Tensor x) { return g.concat({g.rmsnorm(x), x, g.rmsnorm(x, 4)}); });
  check_op({4, 3, 9, 10}, [](Graph& g, Tensor x) { return g.concat({g.rope(x, 10, 10000), g.rope(x, 2, 100)}); });
  check_op({2, 5, 9, 13}, [](Graph& g, Tensor x) { return g.concat({g.slice(x, 0, 13), g.slice(x, 12, 1), g.slice(x, 4, 4), x, x}); });
  check_op({2, 5, 9, 24}, [](Graph& g, Tensor x) {
    Tensor gate = g.slice(x, 0, 2), channel = g.param("channel", 24, constant(0)), single = g.param("single", 1, constant(0));
    return g.ew({gate, x, single, channel}, [](auto gate, auto x, auto one, auto c) { return x * sigmoid(gate) + one * c * x; });
  });
  check_op({2, 6, 7, 64}, [](Graph& g, Tensor x) {
    AttentionOptions o;
    o.heads = 2;
    o.window = 3;
    return g.attention(x, x, x, o);  // one tensor three times: its gradients add up
  });
}

TEST("cuda network: the head in chunks, and an expression of the logits that is not a softcap") {
  const Graph g = network_of({4, 9, 40, 16}, [](Graph& g, Tensor x) { return g.rmsnorm(x); });
  Options options;
  const std::string whole = check_step(g, options, 0.7, 2e-2);
  options.logits_limit = 11 * 40 * 2;  // eleven tokens at a time: four chunks, the last of three
  const DeviceNetwork network(g, support::plain_adam(), options);
  CHECK_EQUAL(network.plan().head.chunk, 11);
  CHECK_EQUAL(std::count_if(network.first_micro_step().launches().begin(), network.first_micro_step().launches().end(),
                            [](const auto& l) { return std::string(l.kernel) == "cross_entropy"; }), 4);
  check_step(g, options, 0.7, 2e-2);
  Graph other({2, 9, 40});
  Tensor x = other.embed(other.param("table", 40, 16, constant(0)));
  other.output(other.ew({other.linear(x, other.param("head", 40, 16, constant(0)))}, [](auto l) { return 8.0f * sigmoid(l) - l * 0.5f; }));
  check_step(other, options, 0.7, 2e-2);
}

TEST("cuda network: one step of the shipped experiment agrees with float64, in one part and in two") {
  const Graph g = shipped(2, 40, 64);
  Options options;
  check_step(g, options, 0.15, 6e-2);
  options.micro_steps = 2;
  check_step(g, options, 0.15, 6e-2);
}

TEST("cuda network: the same bits in every order of threads") {
  const Graph g = shipped(2, 16, 32);
  Options options;
  options.micro_steps = 2;
  every_order([&] { return check_step(g, options, 0.15, 1, true); });
}

TEST("cuda network: a batch repeated is learned, and a run goes on from its saved state in the same bits") {
  const Graph g = shipped(2, 16, 32);
  Optimizer optimizer;
  experiment_optimizer(g, optimizer);
  support::Random random(3);
  const auto tokens = support::random_tokens(random, 32, 32), targets = support::random_tokens(random, 32, 32);
  DeviceNetwork network(g, optimizer, {});
  network.init(1);
  double first = 0, last = 0;
  std::vector<std::vector<float>> saved;
  for (int step = 0; step < 6; step++) {
    if (step == 3) for (const auto& part : network.training_state()) saved.emplace_back(part.values, part.values + part.count);
    last = network.train_step(tokens.data(), targets.data(), {});
    if (step == 0) first = last;
  }
  CHECK_NEAR(first, std::log(32), 0.02);  // an untrained head knows nothing
  CHECK(last < 0.8 * first);
  DeviceNetwork other(g, optimizer, {});
  other.init(2);
  const auto state = other.training_state();
  for (size_t i = 0; i < state.size(); i++) std::copy(saved[i].begin(), saved[i].end(), state[i].values);
  other.go_on_after(3);
  double again = 0;
  for (int step = 3; step < 6; step++) again = other.train_step(tokens.data(), targets.data(), {});
  CHECK_EQUAL(again, last);
  for (size_t p = 0; p < network.parameters().size(); p++) {
    const auto &a = network.parameters()[p], &b = other.parameters()[p];
    CHECK(std::equal(a.values, a.values + size_t(a.rows) * a.cols, b.values));
  }
}

TEST("cuda plan: no two live buffers overlap, arrays follow each other, and too little memory is a refusal before any is taken") {
  const Graph g = shipped(4, 32, 64);
  Optimizer optimizer;
  experiment_optimizer(g, optimizer);
  const cuda::Plan plan(g, optimizer, {});
  const auto& buffers = plan.layout.buffers;
  for (size_t a = 0; a < buffers.size(); a++) {
    CHECK(buffers[a].offset + buffers[a].bytes <= plan.layout.arena_bytes);
    for (size_t b = 0; b < a; b++)
      if (buffers[a].first <= buffers[b].last && buffers[b].first <= buffers[a].last && buffers[a].bytes && buffers[b].bytes)
        CHECK(buffers[a].offset + buffers[a].bytes <= buffers[b].offset || buffers[b].offset + buffers[b].bytes <= buffers[a].offset);
  }
  CHECK(plan.layout.buffers[size_t(plan.layout.value[size_t(g.output_node())])].bytes == 0);  // logits have no place
  const size_t arrays[] = {plan.values, plan.gradients, plan.first, plan.second, plan.rounded, plan.update_numbers, plan.tokens,
                           plan.targets, plan.sorted, plan.losses, plan.total_loss, plan.scratch, plan.arena, plan.bytes};
  for (size_t i = 1; i < std::size(arrays); i++) CHECK(arrays[i] >= arrays[i - 1] && arrays[i] % 256 == 0);
  CHECK(plan.gradients - plan.values >= plan.numbers * sizeof(float));
  size_t muon = 0;
  for (const auto& b : plan.batches) muon += b.rule.is_muon && b.count > 1;
  CHECK(muon >= 3);  // square, up, down: one batch each
  Options small;
  small.memory_limit = 1 << 16;
  CHECK_THROWS(cuda::Plan(g, optimizer, small), Refused, "make it smaller");
  small = {};
  small.micro_steps = 3;
  CHECK_THROWS(cuda::Plan(g, optimizer, small), Refused, "do not come in 3 micro-steps");
}

TEST("cuda tapes: forward, the head, backward, then the loss; every grid is one a GPU takes") {
  const Graph g = shipped(2, 16, 32);
  Optimizer optimizer;
  experiment_optimizer(g, optimizer);
  const DeviceNetwork network(g, optimizer, {});
  const auto& launches = network.first_micro_step().launches();
  const auto where = [&](const char* kernel) {
    for (size_t i = 0; i < launches.size(); i++) if (std::string(launches[i].kernel) == kernel) return i;
    return launches.size();
  };
  CHECK_EQUAL(where("embed"), size_t(0));
  CHECK(where("attention") < where("cross_entropy") && where("cross_entropy") < where("attention_dq"));
  CHECK(where("attention_dq") < where("attention_dkv") && where("attention_dkv") < where("sum_ids"));
  CHECK_EQUAL(where("sum_all") < launches.size(), true);
  CHECK_EQUAL(std::string(launches.back().kernel), "sum_all");
  CHECK_EQUAL(network.later_micro_step().launches().size(), launches.size());
  for (const cuda::Tape* tape : {&network.first_micro_step(), &network.update()})
    for (const auto& l : tape->launches()) {
      CHECK(l.grid.x >= 1 && l.grid.x <= 0x7fffffff && l.grid.y >= 1 && l.grid.y <= 65535 && l.grid.z >= 1 && l.grid.z <= 65535);
      CHECK(l.block.x % 32 == 0 && l.block.x <= 1024 && l.block.y == 1 && l.block.z == 1);
      CHECK(l.shared <= 163 << 10);  // sm_80's most for one block
    }
}

TEST("cuda rules: Adam and Muon are known again by their graphs, with the numbers they were given") {
  Graph g({2, 6, 16});
  const Node matrix = g[g.param("matrix", 12, 40, constant(0))];
  Adam a;
  a.lr = 0.3f, a.beta1 = 0.7f, a.beta2 = 0.99f, a.eps = 1e-7f, a.weight_decay = 0.01f;
  Muon m;
  m.lr = 0.07f, m.beta2 = 0.9f, m.weight_decay = 0.3f, m.polar_steps = 4;
  const cuda::KnownRule adam = cuda::known_rule({"*", swarm::adam(a)}, matrix), muon = cuda::known_rule({"*", swarm::muon(m)}, matrix);
  CHECK(!adam.is_muon && muon.is_muon);
  CHECK_NEAR(adam.adam.lr, 0.3f, 1e-7);
  CHECK_NEAR(adam.adam.beta1, 0.7f, 1e-7);
  CHECK_NEAR(adam.adam.beta2, 0.99f, 1e-7);
  CHECK_NEAR(adam.adam.eps, 1e-7f, 1e-14);
  CHECK_NEAR(adam.adam.weight_decay, 0.01f, 1e-9);
  CHECK_NEAR(muon.muon.lr, 0.07f, 1e-8);
  CHECK_NEAR(muon.muon.beta2, 0.9f, 1e-7);
  CHECK_NEAR(muon.muon.weight_decay, 0.3f, 1e-7);
  CHECK_EQUAL(muon.muon.polar_steps, 4);
}

TEST("cuda network: what has no kernel is refused by name") {
  const auto refused = [](const Graph& g, const char* words) { CHECK_THROWS(DeviceNetwork(g, support::plain_adam(), {}), Refused, words); };
  refused(network_of({2, 6, 7, 16}, [](Graph& g, Tensor x) {
    AttentionOptions o;
    o.window = 3;
    return g.attention(x, x, x, o);
  }), "head dim 16 has no CUDA kernel");
  refused(network_of({2, 6, 7, 16}, [](Graph& g, Tensor x) { return g.token_shift(x, 1); }), "token_shift has no CUDA kernel yet");
  const Graph plain = network_of({2, 6, 7, 16}, [](Graph&, Tensor x) { return x; });
  Optimizer own;
  own.group("*", [](UpdateGraph& u) {
    u.set(u.parameter(), u.ew({u.parameter(), u.gradient(), u.lr(0.1f)}, [](auto p, auto g, auto lr) { return p - lr * g; }));
  });
  CHECK_THROWS(DeviceNetwork(plain, own, {}), Refused, "no CUDA kernels for the update rule");
  Graph g({2, 6, 16});
  g.output(g.rmsnorm(g.embed(g.param("table", 16, 16, constant(0)))));
  refused(g, "needs a linear as the output");
}
