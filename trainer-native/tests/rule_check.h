// One parameter under an update rule: random gradients, memory between canaries and full of NaN, the float64 oracle beside it.
// defines: Numbers, Stepping
#pragma once
#include <string>
#include <vector>

#include "engine/core/update.h"
#include "engine/ref/update_reference.h"
#include "kernel_check.h"

namespace rule_check {

using Numbers = std::vector<double>;
using kernel_check::Buffer;

inline swarm::Node parameter_of(int rows, int cols) {
  swarm::Node node;
  node.op = swarm::Op::Param;
  node.rows = rows;
  node.cols = cols;
  node.name = "w";
  return node;
}

inline swarm::UpdateGraph described(int rows, int cols, const swarm::UpdateRule& rule) {
  swarm::UpdateGraph graph("w", rows, cols);
  rule(graph);
  return graph;
}

struct Stepping {
  Stepping(int rows, int cols, const swarm::UpdateRule& rule)
      : update(parameter_of(rows, cols), {"w", rule}), oracle(described(rows, cols, rule)), p(size_t(rows) * cols), g(p.size()), state(update.state_floats()),
        scratch(update.scratch_floats()), random(uint64_t(rows) * 1000 + cols) {
    random.fill(p);
    for (size_t i = 0; i < p.size(); i++) oracle.values[0][i] = p[long(i)];
    for (size_t i = 0; i < state.size(); i++) state[long(i)] = 0;
  }

  Numbers parameter() const { return oracle.values[0]; }

  // One step of both on a gradient drawn between low and high, which is returned.
  Numbers run(const swarm::Schedule& schedule, float low, float high) {
    random.fill(g, low, high);
    for (size_t i = 0; i < scratch.size(); i++) scratch[long(i)] = std::numeric_limits<float>::quiet_NaN();
    step_with_given_gradient(schedule);
    const Numbers gradient(static_cast<const float*>(g), static_cast<const float*>(g) + g.size());
    oracle.run(gradient, steps, schedule);
    return gradient;
  }

  void step_with_given_gradient(const swarm::Schedule& schedule) {
    update.run(p, g, state, scratch, ++steps, schedule);
    for (const Buffer* b : {&p, &g, &state, &scratch}) b->check_canaries();
  }

  // The parameter is what the oracle, and whoever computed `wanted`, say.
  void check(const std::string& what, const Numbers& wanted, double size, double relative) const {
    for (size_t i = 0; i < p.size(); i++) {
      kernel_check::close((what + " by its own loop").c_str(), "", long(i), p[long(i)], wanted[i], size, relative);
      kernel_check::close((what + " by the oracle").c_str(), "", long(i), oracle.values[0][i], wanted[i], size, 1e-6);
    }
  }

  swarm::Update update;
  swarm::UpdateReference oracle;
  Buffer p, g, state, scratch;
  kernel_check::Random random;
  long steps = 0;
};

}  // namespace rule_check
