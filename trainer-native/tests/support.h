// What several test files need: random tokens and weights, and the distance between float32 and float64 results.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "engine/core/network.h"
#include "engine/core/philox.h"
#include "engine/ref/reference.h"

namespace support {

class Random {
 public:
  explicit Random(uint64_t seed) : seed_(seed) {}
  uint32_t bits() { return swarm::philox(seed_, 77, drawn_++)[0]; }
  int below(int n) { return int(bits() % uint32_t(n)); }
  double uniform() { return bits() * 0x1p-31 - 1; }  // [-1, 1)
 private:
  uint64_t seed_, drawn_ = 0;
};

inline std::vector<uint16_t> random_tokens(Random& random, int count, int vocab) {
  std::vector<uint16_t> tokens(count);
  for (auto& t : tokens) t = uint16_t(random.below(vocab));
  return tokens;
}

// Every parameter of both gets the same random float, so that zero inits hide nothing.
inline void same_random_weights(swarm::Network& network, swarm::Reference& reference, Random& random, double scale = 0.5) {
  size_t p = 0;
  for (size_t n = 0; n < network.graph().nodes().size(); n++) {
    const swarm::Node& node = network.graph().nodes()[n];
    if (node.op != swarm::Op::Param) continue;
    float* values = network.parameters()[p++].values;
    for (size_t i = 0; i < reference.values[n].size(); i++) reference.values[n][i] = values[i] = float(scale * random.uniform());
  }
}

inline double length(const std::vector<double>& b) {
  double squares = 0;
  for (double x : b) squares += x * x;
  return std::sqrt(squares);
}

// |a - b| / max(|b|, floor) over whole tensors; NaN stays NaN, so `<` refuses it. A floor is for tensors that are nearly zero
// because large terms cancel: their float32 error is that of the terms.
template <class A>
double distance(const A* a, const std::vector<double>& b, double floor = 1e-30) {
  double difference = 0;
  for (size_t i = 0; i < b.size(); i++) difference += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
  return std::sqrt(difference) / std::max(length(b), floor);
}

// Of all gradients together.
inline double length_of_gradients(const swarm::Reference& reference, const swarm::Graph& g) {
  double squares = 0;
  for (size_t n = 0; n < g.nodes().size(); n++)
    if (g.nodes()[n].op == swarm::Op::Param) squares += length(reference.gradients[n]) * length(reference.gradients[n]);
  return std::sqrt(squares);
}

inline swarm::Optimizer plain_adam() {
  swarm::Optimizer optimizer;
  swarm::Adam rule;
  rule.lr = 0.01f;
  optimizer.adam("*", rule);
  return optimizer;
}

}  // namespace support
