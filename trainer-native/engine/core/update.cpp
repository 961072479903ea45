#include "engine/core/update.h"

#include "engine/core/calculate.h"
#include "engine/core/refused.h"
#include "engine/cpu/kernels.h"
#include "engine/optim/polar.h"

namespace swarm {
namespace {

constexpr int max_numbers = 128;  // of a step, of one rule

UpdateGraph described(const Node& parameter, const Group& group) {
  UpdateGraph rule(parameter.name, parameter.rows, parameter.cols);
  try {
    group.rule(rule);
    rule.require_whole();
  } catch (const Refused& refused) {
    refuse("optimizer group " + group.pattern + ": parameter " + parameter.name + ": " + refused.what());
  }
  return rule;
}

cpu::Form form_of(Product product) {
  return product == Product::AB ? cpu::Form::NN : product == Product::ABt ? cpu::Form::NT : cpu::Form::TN;
}

}  // namespace

Update::Update(const Node& parameter, const Group& group) : rule_(described(parameter, group)), plan_(plan_update(rule_)) {
  if (plan_.numbers.size() > max_numbers) refuse("optimizer group " + group.pattern + ": more than 128 numbers of a step");
}

// numbers [plan_.numbers.size()]: what is known before the step, in float64.
void Update::know(double* numbers, long step, const Schedule& schedule) const {
  double values[max_ew_inputs + max_program_code];
  for (size_t i = 0; i < plan_.numbers.size(); i++) {
    const UpdateNode& node = rule_.nodes()[plan_.numbers[i]];
    switch (node.op) {
      case UpdateOp::Lr: numbers[i] = node.base * schedule.lr; break;  // a float product: rounded as the schedule's own numbers are
      case UpdateOp::Momentum: numbers[i] = schedule.momentum; break;
      case UpdateOp::WeightDecay: numbers[i] = node.base * schedule.weight_decay; break;
      case UpdateOp::Step: numbers[i] = double(step); break;
      default:
        for (size_t in = 0; in < node.inputs.size(); in++) values[in] = numbers[plan_.number_place[node.inputs[in]]];
        calculate<OwnFunctions>(node.program, values);
        numbers[i] = values[node.program.outputs[0]];
    }
  }
}

void Update::run(float* p, const float* g, float* state, float* scratch, long step, const Schedule& schedule) const {
  const auto at_buffer = [&](int buffer) { return scratch + plan_.buffers[buffer].offset / sizeof(float); };
  double numbers[max_numbers];
  know(numbers, step, schedule);
  float* known = at_buffer(plan_.number_buffer);
  for (size_t i = 0; i < plan_.numbers.size(); i++) known[i] = static_cast<float>(numbers[i]);

  const auto at = [&](const Place& place) -> float* {
    switch (place.where) {
      case Place::Parameter: return p;
      case Place::Gradient: return const_cast<float*>(g);  // no pass writes there
      case Place::State: return state + plan_.state_place[place.index];
      case Place::Number: return known + place.index;
      case Place::Scratch: return at_buffer(place.index);
      case Place::Nowhere: break;
    }
    return nullptr;
  };
  const auto& k = cpu::kernels();
  const bool add[max_ew_outputs] = {};
  for (const Pass& pass : plan_.passes) {
    const float* in[max_ew_inputs];
    float* out[max_ew_outputs];
    for (size_t i = 0; i < pass.in.size(); i++) in[i] = at(pass.in[i]);
    for (size_t o = 0; o < pass.out.size(); o++) out[o] = at(pass.out[o]);
    switch (pass.kind) {
      case Pass::Tiles: pass.tiles->run(pass.rows, in, out, add, at_buffer(pass.scratch)); break;
      case Pass::Copy: k.copy(pass.cols, in[0], out[0]); break;
      case Pass::Polar: optim::polar(pass.rows, pass.cols, pass.steps, in[0], out[0], at_buffer(pass.scratch)); break;
      case Pass::Matmul: {
        const int stored_a = pass.product == Product::AtB ? pass.rows : pass.inner, stored_b = pass.product == Product::ABt ? pass.inner : pass.cols;
        if (pass.gram) k.gram(form_of(pass.product), pass.rows, pass.inner, in[0], stored_a, out[0], pass.cols);
        else k.gemm(form_of(pass.product), pass.rows, pass.cols, pass.inner, in[0], stored_a, in[1], stored_b, 0.0f, out[0], pass.cols);
      }
    }
  }
}

}  // namespace swarm
