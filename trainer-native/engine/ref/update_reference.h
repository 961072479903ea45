// The float64 oracle of update rules: every node by itself, in naive loops, with the standard library's functions. For tests only.
#pragma once
#include <vector>

#include "engine/core/optimizer.h"

namespace swarm {

class UpdateReference {
 public:
  explicit UpdateReference(const UpdateGraph& rule);
  std::vector<std::vector<double>> values;  // by node; of states: what they are now. Parameter: values[0]
  void run(const std::vector<double>& gradient, long step, const Schedule& schedule);

 private:
  void compute(int n, const std::vector<double>& gradient, long step, const Schedule& schedule);
  UpdateGraph rule_;
};

}  // namespace swarm
