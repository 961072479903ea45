// A rule is known when its graph is the one that engine/optim makes of the numbers found in it.
#include "engine/cuda/known_rule.h"

#include <algorithm>
#include <cmath>

#include "engine/core/refused.h"

namespace swarm::cuda {
namespace {

UpdateGraph graph_of(const UpdateRule& rule, const Node& parameter) {
  UpdateGraph u(parameter.name, parameter.rows, parameter.cols);
  rule(u);
  u.require_whole();
  return u;
}

bool are_near(float a, float b) { return std::fabs(a - b) <= 1e-6f * std::max(std::fabs(a), std::fabs(b)); }

bool are_same(const Program& a, const Program& b) {
  if (a.inputs != b.inputs || a.outputs != b.outputs || a.code.size() != b.code.size()) return false;
  for (size_t i = 0; i < a.code.size(); i++) {
    const Instruction &x = a.code[i], &y = b.code[i];
    if (x.calc != y.calc || x.a != y.a || x.b != y.b || x.c != y.c || !are_near(x.constant, y.constant)) return false;
  }
  return true;
}

bool are_same(const UpdateGraph& a, const UpdateGraph& b) {
  if (a.sets() != b.sets() || a.nodes().size() != b.nodes().size()) return false;
  for (size_t n = 0; n < a.nodes().size(); n++) {
    const UpdateNode &x = a.nodes()[n], &y = b.nodes()[n];
    if (x.op != y.op || x.inputs != y.inputs || x.rows != y.rows || x.cols != y.cols || !are_near(x.base, y.base) || x.each != y.each ||
        x.product != y.product || x.steps != y.steps || !are_same(x.program, y.program))
      return false;
  }
  return true;
}

const UpdateNode* first_of(const UpdateGraph& u, UpdateOp op) {
  const auto found = std::find_if(u.nodes().begin(), u.nodes().end(), [&](const UpdateNode& n) { return n.op == op; });
  return found == u.nodes().end() ? nullptr : &*found;
}
float base_of(const UpdateGraph& u, UpdateOp op) {
  const UpdateNode* node = first_of(u, op);
  return node ? node->base : 0;
}

// The constant that enters `calc` as an operand in the expression that makes value number `value` of the rule; 0: there is none.
float constant_into(const UpdateGraph& u, size_t value, Calc calc) {
  if (value >= u.nodes().size()) return 0;
  const Program& p = u.nodes()[value].program;
  for (const Instruction& i : p.code)
    for (int operand : {i.a, i.b})
      if (i.calc == calc && operand >= p.inputs && p.code[size_t(operand - p.inputs)].calc == Calc::Constant) return p.code[size_t(operand - p.inputs)].constant;
  return 0;
}

// Value number of what `target`, the nth state or parameter set, becomes.
size_t value_set(const UpdateGraph& u, size_t nth) { return nth < u.sets().size() ? size_t(u.sets()[nth].second) : u.nodes().size(); }

}  // namespace

KnownRule known_rule(const Group& group, const Node& parameter) {
  const UpdateGraph u = graph_of(group.rule, parameter);
  KnownRule known;
  known.is_muon = first_of(u, UpdateOp::Polar) != nullptr;
  try {
    if (known.is_muon) {
      Muon& m = known.muon;
      m.lr = base_of(u, UpdateOp::Lr) / std::sqrt(std::max(1.0f, float(parameter.rows) / float(parameter.cols)));
      m.weight_decay = base_of(u, UpdateOp::WeightDecay);
      m.polar_steps = first_of(u, UpdateOp::Polar)->steps;
      m.beta2 = 1 - constant_into(u, value_set(u, 1), Calc::Multiply);  // second + (mean - second) (1 - beta2)
      if (are_same(u, graph_of(muon(m), parameter))) return known;
    } else {
      Adam& a = known.adam;
      a.lr = base_of(u, UpdateOp::Lr), a.weight_decay = base_of(u, UpdateOp::WeightDecay);
      a.beta1 = 1 - constant_into(u, value_set(u, 0), Calc::MultiplyAdd);  // fma(g - m, 1 - beta1, m)
      a.beta2 = 1 - constant_into(u, value_set(u, 1), Calc::MultiplyAdd);
      a.eps = constant_into(u, value_set(u, 2), Calc::Add);
      if (are_same(u, graph_of(adam(a), parameter))) return known;
    }
  } catch (const Refused&) {
    // its numbers make neither
  }
  refuse("optimizer group " + group.pattern + ": there are no CUDA kernels for the update rule of " + parameter.name +
         " yet: use adam or muon as they are, or train on the CPU");
}

}  // namespace swarm::cuda
