// Every op, in small networks of odd shapes: float64 gradients against central differences (1e-6), float32 kernels against
// float64 (1e-4: a float32 sum of some hundred terms), from memory full of NaN.
#include <algorithm>
#include <functional>
#include <string>

#include "check.h"
#include "support.h"

using namespace swarm;

namespace {

struct Sizes {
  int rows, T, vocab, C;
};

// x [N, C] from a table, `body` under test, and a head to the vocabulary.
using Body = std::function<Tensor(Graph&, Tensor x)>;

Graph network_of(const Sizes& s, const Body& body) {
  Graph g({s.rows, s.T, s.vocab});
  Tensor x = g.embed(g.param("table", s.vocab, s.C, constant(0)));
  Tensor y = body(g, x);
  g.output(g.linear(y, g.param("head", s.vocab, g[y].cols, constant(0))));
  return g;
}

void check_float64_gradients(const Graph& g, const Sizes& s, uint64_t seed) {
  support::Random random(seed);
  Reference reference(g, s.rows);
  for (auto& values : reference.values) for (double& v : values) v = random.uniform();
  const auto tokens = support::random_tokens(random, reference.tokens(), s.vocab);
  const auto targets = support::random_tokens(random, reference.tokens(), s.vocab);
  reference.loss_and_gradients(tokens.data(), targets.data());
  const auto gradients = reference.gradients;
  for (size_t n = 0; n < g.nodes().size(); n++) {
    if (g.nodes()[n].op != Op::Param) continue;
    double largest = 0;
    for (double d : gradients[n]) largest = std::max(largest, std::fabs(d));
    for (int probe = 0; probe < 24; probe++) {
      const size_t i = random.bits() % gradients[n].size();
      double& value = reference.values[n][i];
      const double before = value, h = 2e-5;
      auto loss_at = [&](double v) { value = v; return reference.loss(tokens.data(), targets.data()); };
      // Fourth order: 8 (f(+h) - f(-h)) - (f(+2h) - f(-2h)) over 12 h, so that 1e-6 tests the gradient and not the difference.
      const double slope = (8 * (loss_at(before + h) - loss_at(before - h)) - (loss_at(before + 2 * h) - loss_at(before - 2 * h))) / (12 * h);
      value = before;
      if (!(std::fabs(slope - gradients[n][i]) <= 1e-6 * largest + 1e-10))
        check::fail(__FILE__, __LINE__, g.nodes()[n].name + "[" + std::to_string(i) + "]: gradient " + std::to_string(gradients[n][i]) +
                    ", difference " + std::to_string(slope));
    }
  }
}

void check_float32(const Graph& g, const Sizes& s, uint64_t seed) {
  support::Random random(seed);
  Network network(g, support::plain_adam(), {});
  Network judged(g, s.rows);
  Reference reference(g, s.rows);
  support::same_random_weights(network, reference, random, 1.0);
  for (size_t p = 0; p < network.parameters().size(); p++)
    std::copy_n(network.parameters()[p].values, size_t(network.parameters()[p].rows) * network.parameters()[p].cols, judged.parameters()[p].values);
  const auto tokens = support::random_tokens(random, reference.tokens(), s.vocab);
  const auto targets = support::random_tokens(random, reference.tokens(), s.vocab);
  network.poison();
  judged.poison();
  const double loss = network.loss_and_gradients(tokens.data(), targets.data());
  const double loss64 = reference.loss_and_gradients(tokens.data(), targets.data());
  CHECK_NEAR(loss, loss64, 1e-5 * (1 + std::fabs(loss64)));
  CHECK_NEAR(support::distance(judged.forward_logits(tokens.data()), reference.values[g.output_node()]), 0, 1e-4);
  const double floor = 1e-2 * support::length_of_gradients(reference, g);
  size_t p = 0;
  for (size_t n = 0; n < g.nodes().size(); n++) {
    if (g.nodes()[n].op != Op::Param) continue;
    const double apart = support::distance(network.gradient(int(p++)), reference.gradients[n], floor);
    if (!(apart < 1e-4)) check::fail(__FILE__, __LINE__, "gradient of " + g.nodes()[n].name + " is " + std::to_string(apart) + " off");
  }
}

void check_op(const Sizes& s, const Body& body) {
  const Graph g = network_of(s, body);
  check_float64_gradients(g, s, 1);
  check_float32(g, s, 2);
}

}  // namespace

TEST("op embed, linear: odd shapes, a table used twice") {
  check_op({2, 7, 13, 5}, [](Graph&, Tensor x) { return x; });
  check_op({4, 5, 11, 33}, [](Graph& g, Tensor x) { return g.linear(x, g.param("w", 17, 33, constant(0))); });
  check_op({2, 3, 9, 6}, [](Graph& g, Tensor x) {
    Tensor w = g.param("w", 6, 6, constant(0));
    return g.linear(g.linear(x, w), w);  // one weight, two uses: its gradient adds up
  });
  check_op({2, 6, 10, 12}, [](Graph& g, Tensor x) {
    Tensor t = g.param("tied", 10, 12, constant(0));
    return g.ew({x, g.embed(t), g.embed(t)}, [](auto x, auto a, auto b) { return x * a + b; });
  });
}

TEST("op rmsnorm: whole rows, groups, twice on one tensor") {
  check_op({2, 5, 9, 13}, [](Graph& g, Tensor x) { return g.rmsnorm(x); });
  check_op({2, 5, 9, 100}, [](Graph& g, Tensor x) { return g.rmsnorm(x); });
  check_op({2, 3, 7, 48}, [](Graph& g, Tensor x) { return g.rmsnorm(x, 16); });
  check_op({2, 3, 7, 21}, [](Graph& g, Tensor x) { return g.rmsnorm(x, 7); });
  check_op({2, 3, 7, 12}, [](Graph& g, Tensor x) { return g.concat({g.rmsnorm(x), x, g.rmsnorm(x, 4)}); });
}

TEST("op rope: head dims, bases") {
  check_op({2, 7, 9, 12}, [](Graph& g, Tensor x) { return g.rope(x, 4, 10000); });
  check_op({2, 19, 9, 64}, [](Graph& g, Tensor x) { return g.rope(x, 32, 500); });
  check_op({4, 3, 9, 10}, [](Graph& g, Tensor x) { return g.concat({g.rope(x, 10, 10000), g.rope(x, 2, 100)}); });
}

TEST("op slice, concat") {
  check_op({2, 5, 9, 13}, [](Graph& g, Tensor x) { return g.slice(x, 3, 7); });
  check_op({2, 5, 9, 13}, [](Graph& g, Tensor x) { return g.concat({g.slice(x, 0, 13), g.slice(x, 12, 1), g.slice(x, 4, 4), x, x}); });
}

TEST("op attention: windows 0, 1, 3, T-1, T and beyond; head dims; shared keys; one tensor for all three") {
  auto attend = [](int heads, int kv_heads, int hd, int window, float scale) {
    return [=](Graph& g, Tensor x) {
      const int C = g[x].cols;
      AttentionOptions o;
      o.heads = heads;
      o.kv_heads = kv_heads;
      o.window = window;
      o.scale = scale;
      return g.attention(g.linear(x, g.param("q", heads * hd, C, constant(0))), g.linear(x, g.param("k", kv_heads * hd, C, constant(0))),
                         g.linear(x, g.param("v", kv_heads * hd, C, constant(0))), o);
    };
  };
  for (int window : {0, 1, 3, 8, 9, 100}) check_op({2, 9, 11, 6}, attend(2, 2, 16, window, 0));
  for (int window : {1, 34, 35}) check_op({2, 35, 11, 6}, attend(1, 1, 32, window, 0.3f));
  check_op({4, 17, 11, 6}, attend(4, 2, 16, 5, 0));
  check_op({2, 5, 11, 6}, attend(3, 1, 16, 5, 0));
  check_op({2, 5, 11, 6}, attend(1, 1, 64, 2, 0));
  check_op({2, 6, 7, 32}, [](Graph& g, Tensor x) {
    AttentionOptions o;
    o.heads = 2;
    o.window = 3;
    return g.attention(x, x, x, o);
  });
  check_op({2, 6, 7, 16}, [](Graph& g, Tensor x) {
    AttentionOptions o;
    o.window = 3;
    return g.ew({g.attention(x, x, x, o), x}, [](auto a, auto x) { return a * x; });
  });
}

TEST("op attention as the output: its backward still needs the logits that their gradient would replace") {
  const Sizes s{2, 6, 16, 16};
  Graph g({s.rows, s.T, s.vocab});
  Tensor x = g.embed(g.param("table", s.vocab, s.C, constant(0)));
  AttentionOptions o;
  o.window = 3;
  g.output(g.attention(x, x, x, o));
  check_float64_gradients(g, s, 1);
  check_float32(g, s, 2);
}

TEST("op ew: every instruction") {
  const Sizes s{2, 5, 9, 13};
  check_op(s, [](Graph& g, Tensor x) { return g.ew({x}, [](auto x) { return 3.0f - (x + 2.0f) * x / (square(x) + 1.0f); }); });
  check_op(s, [](Graph& g, Tensor x) { return g.ew({x}, [](auto x) { return relu(x) - min(x, 0.3f) * max(x, -x); }); });
  check_op(s, [](Graph& g, Tensor x) { return g.ew({x}, [](auto x) { return exp(x) * tanh(x) + sigmoid(4.0f * x); }); });
  check_op(s, [](Graph& g, Tensor x) { return g.ew({x}, [](auto x) { return log(square(x) + 0.5f) + sqrt(square(x) + 0.1f) / exp(-x); }); });
  check_op(s, [](Graph& g, Tensor x) { return g.ew({x}, [](auto x) { return square(relu(x)); }); });
  check_op(s, [](Graph& g, Tensor x) { return g.ew({x}, [](auto x) { return 15.0f * tanh(x / 15.0f); }); });
  check_op(s, [](Graph& g, Tensor x) { return g.ew({x}, [](auto x) { return x; }); });
}

TEST("op ew: inputs per head, per channel, single, repeated, ignored") {
  for (int C : {2, 12, 48, 512, 640, 1030}) {  // many rows a tile, one row, several tiles a row
    check_op({2, 3, 7, C}, [C](Graph& g, Tensor x) {
      Tensor channel = g.param("channel", C, constant(0)), single = g.param("single", 1, constant(0));
      return g.ew({x, channel, single, x}, [](auto x, auto c, auto s, auto again) { return x * c + s * tanh(again) * c; });
    });
    check_op({2, 3, 7, C}, [C](Graph& g, Tensor x) {
      Tensor gate = g.slice(x, 0, 2), one = g.slice(x, 1, 1);
      Tensor channel = g.param("channel", C, constant(0));
      return g.ew({gate, x, one, channel}, [](auto gate, auto x, auto one, auto c) { return x * sigmoid(gate) + one * c; });
    });
  }
  check_op({2, 5, 9, 13}, [](Graph& g, Tensor x) {  // the norm and the parameter get a gradient of zeros
    return g.ew({x, g.rmsnorm(g.linear(x, g.param("w", 13, 13, constant(0)))), g.param("c", 13, constant(0))}, [](auto x, auto, auto) { return x; });
  });
  check_op({2, 5, 9, 13}, [](Graph& g, Tensor x) {
    Tensor y = g.rmsnorm(x);
    return g.ew({x, g.ew({y, x}, [](auto, auto x) { return x * 1.0f; }), y}, [](auto a, auto b, auto c) { return a + b + c; });
  });
}
