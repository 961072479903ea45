#include "harness/loss_curve.h"

#include <algorithm>
#include <cmath>

#include "harness/json.h"

namespace swarm {

void LossCurve::add(int64_t step, double loss) {
  mean_ = 0.9 * mean_ + 0.1 * loss;
  weight_ = 0.9 * weight_ + 0.1;
  last_ = {step, loss};
  if (count_++ % every_ != 0) return;
  points_.push_back(last_);
  if (points_.size() < 128) return;
  every_ *= 2;
  size_t kept = 0;
  for (size_t i = 0; i < points_.size(); i += 2) points_[kept++] = points_[i];
  points_.resize(kept);
}

double LossCurve::smoothed() const { return weight_ > 0 ? mean_ / weight_ : std::nan(""); }

std::string LossCurve::json() const {
  std::string out = "[";
  auto point = [&](const std::pair<int64_t, double>& p) {
    if (out.size() > 1) out += ",";
    out += "[" + std::to_string(p.first) + "," + json_number(std::round(p.second * 1e6) / 1e6) + "]";
  };
  for (const auto& p : points_) point(p);
  if (last_.first >= 0 && (points_.empty() || points_.back().first != last_.first)) point(last_);
  return out + "]";
}

}  // namespace swarm
