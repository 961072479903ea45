// One step of a network on the device against float64. What the tests of whole networks share.
// defines: Sizes, Body, network_of(), shipped(), check_step(), check_op()
#pragma once
#include <functional>

#include "cuda_check.h"
#include "engine/cuda/network.h"
#include "harness/contract.h"

namespace cuda_check {

using namespace swarm;
using cuda::DeviceNetwork;
using cuda::Options;

struct Sizes {
  int rows, T, vocab, C;
};
using Body = std::function<Tensor(Graph&, Tensor x)>;

inline Graph network_of(const Sizes& s, const Body& body, bool capped = true) {
  Graph g({s.rows, s.T, s.vocab});
  Tensor x = g.embed(g.param("table", s.vocab, s.C, constant(0)));
  Tensor y = body(g, x);
  Tensor logits = g.linear(y, g.param("head", s.vocab, g[y].cols, constant(0)));
  g.output(capped ? g.ew({logits}, [](auto l) { return 15.0f * tanh(l / 15.0f); }) : logits);
  return g;
}

inline Graph shipped(int rows, int T, int vocab) {
  Graph g({rows, T, vocab});
  experiment_build(g, g.shape());
  return g;
}

// bf16 weights, the same on both sides: what is compared is arithmetic.
inline void same_weights(DeviceNetwork& network, Reference& reference, support::Random& random, double scale) {
  size_t p = 0;
  for (size_t n = 0; n < network.graph().nodes().size(); n++) {
    if (network.graph().nodes()[n].op != Op::Param) continue;
    float* values = network.parameters()[p++].values;
    for (size_t i = 0; i < reference.values[n].size(); i++) reference.values[n][i] = values[i] = to_float(to_bf16(float(scale * random.uniform())));
  }
  network.upload_weights();
}

// Loss and every gradient of one step against float64. Activations are rounded to bf16 at every op, so errors add up over depth.
inline std::string check_step(const Graph& g, const Options& options, double scale, double allowed, bool bits = false) {
  support::Random random(7);
  DeviceNetwork network(g, support::plain_adam(), options);
  Reference reference(g, g.shape().rows);
  same_weights(network, reference, random, scale);
  const auto tokens = support::random_tokens(random, reference.tokens(), g.shape().vocab), targets = support::random_tokens(random, reference.tokens(), g.shape().vocab);
  network.poison();
  const double loss = network.loss_and_gradients(tokens.data(), targets.data());
  std::string all(reinterpret_cast<const char*>(&loss), sizeof loss);
  const double loss64 = bits ? loss : reference.loss_and_gradients(tokens.data(), targets.data());
  CHECK_NEAR(loss, loss64, 5e-3 * (1 + std::fabs(loss64)));
  const double floor = bits ? 0 : 2e-2 * support::length_of_gradients(reference, g);
  int p = 0;
  for (size_t n = 0; n < g.nodes().size(); n++) {
    const Node& node = g.nodes()[n];
    if (node.op != Op::Param) continue;
    const float* got = network.gradient(p++);
    all += bits_of(std::vector<float>(got, got + size_t(node.rows) * node.cols));
    if (bits) continue;
    const bool is_number = node.rows * node.cols == 1;  // a sum over everything, of terms that cancel: its error is theirs, and chance
    const double apart = support::distance(got, reference.gradients[n], is_number ? 4 * floor : floor);
    if (!(apart < allowed)) check::fail(__FILE__, __LINE__, "gradient of " + node.name + " is " + std::to_string(apart) + " off");
  }
  return all;
}

inline void check_op(const Sizes& s, const Body& body, bool capped = true) { check_step(network_of(s, body, capped), {}, 0.7, 2e-2); }

}  // namespace cuda_check
