// Which update rule each parameter gets, the per-step numbers all rules share, and the two rules that are shipped. A rule of your own:
//   optimizer.group("block.*", [](UpdateGraph& u) {
//     const Value m = u.state();
//     const Value fresh = u.ew({m, u.gradient()}, [](auto m, auto g) { return 0.9f * m + g; });
//     u.set(m, fresh);
//     u.set(u.parameter(), u.ew({u.parameter(), fresh, u.lr(0.02f)}, [](auto p, auto m, auto lr) { return p - lr * m; }));
//   });
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "engine/core/update_graph.h"

namespace swarm {

struct Adam {
  float lr = 0;
  float beta1 = 0.8f, beta2 = 0.95f, eps = 1e-10f;
  float weight_decay = 0;
};

struct Muon {  // momentum comes from the schedule
  float lr = 0;
  float beta2 = 0.95f;
  float weight_decay = 0;
  int polar_steps = 5;
};

UpdateRule adam(const Adam& rule);  // engine/optim/adam.cpp
UpdateRule muon(const Muon& rule);  // engine/optim/muon.cpp

// What the schedule says about one step. lr and weight_decay multiply those of every group.
struct Schedule {
  float lr = 1;
  float momentum = 0.95f;
  float weight_decay = 1;
};

struct Group {
  std::string pattern;  // a parameter's name, or the start of names followed by '*'
  UpdateRule rule;
};

// Every parameter must match exactly one group; the network refuses anything else.
class Optimizer {
 public:
  void group(const std::string& pattern, UpdateRule rule) { groups_.push_back({pattern, std::move(rule)}); }
  void adam(const std::string& pattern, const Adam& rule) { group(pattern, swarm::adam(rule)); }
  void muon(const std::string& pattern, const Muon& rule) { group(pattern, swarm::muon(rule)); }
  const std::vector<Group>& groups() const { return groups_; }
  const Group& group_of(const std::string& parameter) const;  // throws Refused

 private:
  std::vector<Group> groups_;
};

}  // namespace swarm
