// The loss over a run in at most 128 points, chosen by step number alone, and its smoothed end.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace swarm {

class LossCurve {
 public:
  void add(int64_t step, double loss);
  double smoothed() const;        // debiased exponential mean, factor 0.9, as the field reports its training loss
  std::string json() const;       // [[step,loss],...]

 private:
  int64_t every_ = 1;             // doubles whenever the list is full
  int64_t count_ = 0;
  double mean_ = 0, weight_ = 0;
  std::vector<std::pair<int64_t, double>> points_;
  std::pair<int64_t, double> last_{-1, 0};
};

}  // namespace swarm
