// The optimizer at work: which rule updates each parameter, its state, and one step of it.
#pragma once
#include <cstddef>
#include <vector>

#include "engine/core/graph.h"
#include "engine/core/optimizer.h"
#include "engine/ops/op.h"

namespace swarm {

class Update {
 public:
  // Throws Refused when a rule does not fit the parameter.
  Update(const Node& parameter, const Group& group);
  size_t state_floats() const { return first_floats_ + second_floats_; }
  size_t scratch_floats() const;
  Work work() const;
  // p += what the rule makes of g. step counts from 1. state starts at 0.
  void run(float* p, const float* g, float* state, float* scratch, long step, const Schedule& schedule) const;

 private:
  int rows_, cols_;
  Group group_;
  size_t first_floats_, second_floats_;
};

}  // namespace swarm
