#include "engine/core/update.h"

#include <cmath>

#include "engine/core/refused.h"
#include "engine/optim/optim.h"

namespace swarm {
namespace {
bool is_share(float v) { return v >= 0 && v < 1; }
size_t aligned(size_t floats) { return (floats + 15) / 16 * 16; }
}  // namespace

Update::Update(const Node& parameter, const Group& group) : rows_(parameter.rows), cols_(parameter.cols), group_(group) {
  const std::string who = "optimizer group " + group.pattern + ": ";
  const float lr = group.is_muon ? group.muon.lr : group.adam.lr;
  if (!(lr >= 0) || !std::isfinite(lr)) refuse(who + "learning rate must be 0 or more");
  if (group.is_muon) {
    const Muon& m = group.muon;
    if (rows_ * cols_ < 2) refuse(who + parameter.name + " is a single number; Muon updates matrices, use Adam");
    if (!is_share(m.beta2)) refuse(who + "beta2 must lie in [0, 1)");
    if (!(m.weight_decay >= 0)) refuse(who + "weight decay must be 0 or more");
    if (m.polar_steps < 1 || m.polar_steps > 20) refuse(who + "polar steps must be 1 to 20");
  } else {
    const Adam& a = group.adam;
    if (!is_share(a.beta1) || !is_share(a.beta2)) refuse(who + "betas must lie in [0, 1)");
    if (!(a.eps > 0)) refuse(who + "eps must be above 0");
    if (!(a.weight_decay >= 0)) refuse(who + "weight decay must be 0 or more");
  }
  const size_t count = size_t(rows_) * cols_;
  first_floats_ = aligned(count);
  second_floats_ = group.is_muon ? size_t(optim::muon_second_floats(rows_, cols_)) : count;
}

size_t Update::scratch_floats() const { return group_.is_muon ? size_t(optim::muon_scratch_floats(rows_, cols_)) : 0; }

Work Update::work() const {
  const auto w = group_.is_muon ? optim::muon_work(rows_, cols_, group_.muon.polar_steps) : optim::adam_work(long(rows_) * cols_);
  return {w.flops, w.bytes};
}

void Update::run(float* p, const float* g, float* state, float* scratch, long step, const Schedule& schedule) const {
  float* second = state + first_floats_;
  if (group_.is_muon) {
    const Muon& m = group_.muon;
    optim::muon(rows_, cols_, p, g, state, second, scratch,
                {m.lr * schedule.lr, schedule.momentum, m.beta2, m.weight_decay * schedule.weight_decay, m.polar_steps});
  } else {
    const Adam& a = group_.adam;
    optim::adam(long(rows_) * cols_, p, g, state, second,
                {a.lr * schedule.lr, a.beta1, a.beta2, a.eps, a.weight_decay * schedule.weight_decay, step});
  }
}

}  // namespace swarm
