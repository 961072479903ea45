// Holds one op, in a small network of odd shape, against what every op promises: float64 gradients against central differences
// (1e-6), float32 kernels against float64 (1e-4: a float32 sum of some hundred terms), from memory full of NaN.
// defines: Sizes, Body, network_of, check_float64_gradients, check_float32, check_op
#pragma once
#include <algorithm>
#include <functional>
#include <string>

#include "check.h"
#include "support.h"

namespace op_check {

using namespace swarm;

struct Sizes {
  int rows, T, vocab, C;
};

// x [N, C] from a table, `body` under test, and a head to the vocabulary.
using Body = std::function<Tensor(Graph&, Tensor x)>;

inline Graph network_of(const Sizes& s, const Body& body) {
  Graph g({s.rows, s.T, s.vocab});
  Tensor x = g.embed(g.param("table", s.vocab, s.C, constant(0)));
  Tensor y = body(g, x);
  g.output(g.linear(y, g.param("head", s.vocab, g[y].cols, constant(0))));
  return g;
}

inline void check_float64_gradients(const Graph& g, const Sizes& s, uint64_t seed) {
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

inline void check_float32(const Graph& g, const Sizes& s, uint64_t seed) {
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

inline void check_op(const Sizes& s, const Body& body) {
  const Graph g = network_of(s, body);
  check_float64_gradients(g, s, 1);
  check_float32(g, s, 2);
}

}  // namespace op_check
