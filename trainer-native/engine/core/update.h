// The optimizer at work on one parameter: its rule's passes, its states, and one step of it.
#pragma once
#include <cstddef>

#include "engine/core/graph.h"
#include "engine/core/optimizer.h"
#include "engine/core/update_plan.h"

namespace swarm {

class Update {
 public:
  // Throws Refused when the rule does not fit the parameter.
  Update(const Node& parameter, const Group& group);
  size_t state_floats() const { return plan_.state_floats; }
  size_t scratch_floats() const { return plan_.scratch_bytes / sizeof(float); }
  Work work() const { return plan_.work; }
  // p becomes what the rule makes of g [rows, cols]. step counts from 1. state [state_floats] starts at 0. Nothing is allocated.
  void run(float* p, const float* g, float* state, float* scratch, long step, const Schedule& schedule) const;

 private:
  void know(double* numbers, long step, const Schedule& schedule) const;
  UpdateGraph rule_;
  UpdatePlan plan_;
};

}  // namespace swarm
