// Which update rule each parameter gets, and the per-step numbers all rules share. Maths: engine/optim.
#pragma once
#include <string>
#include <vector>

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

// What the schedule says about one step. lr and weight_decay multiply those of every group.
struct Schedule {
  float lr = 1;
  float momentum = 0.95f;
  float weight_decay = 1;
};

struct Group {
  std::string pattern;  // a parameter's name, or the start of names followed by '*'
  bool is_muon = false;
  Adam adam;
  Muon muon;
};

// Every parameter must match exactly one group; the network refuses anything else.
class Optimizer {
 public:
  void adam(const std::string& pattern, const Adam& rule) { groups_.push_back({pattern, false, rule, {}}); }
  void muon(const std::string& pattern, const Muon& rule) { groups_.push_back({pattern, true, {}, rule}); }
  const std::vector<Group>& groups() const { return groups_; }
  const Group& group_of(const std::string& parameter) const;  // throws Refused

 private:
  std::vector<Group> groups_;
};

}  // namespace swarm
