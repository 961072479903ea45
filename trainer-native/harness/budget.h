// What a run may spend and how far it is. Two budgets are deterministic (the same number of steps on every machine), two are clocks.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/network.h"

namespace swarm {

struct Budget {
  enum Kind { work, tokens, cpu, wall } kind;
  double amount;     // seconds, or tokens
  std::string text;  // as it was given
};

// `work:20s` `cpu:20s` `wall:5m` `tokens:200k`; units s m h, and k M for tokens. Throws Failure(Exit::usage).
Budget parse_budget(const std::string& text);

// Seconds that one step takes on the reference core: every op is charged its arithmetic or its memory traffic, whichever is slower, at the pace it keeps.
double work_seconds(const std::vector<Cost>& step);

// No step is free: the clocks start before the first one, and a deterministic budget is never exceeded.
class BudgetClock {
 public:
  BudgetClock(const Budget& budget, double work_per_step, int tokens_per_step, int workers);  // throws Failure(Exit::refused) when not one step fits
  int64_t steps() const { return steps_; }  // known ahead for work and tokens, else -1
  void start(double wall_before = 0, double cpu_before = 0);  // seconds that an earlier process spent on this run
  // Asked before each step: how much is used, as a share of the budget; 1 or more means stop.
  double progress(int64_t steps_done) const;
  double wall_seconds() const;  // since start, and before
  double cpu_seconds() const;   // of the whole process, since start, and before

 private:
  Budget budget_;
  double per_step_ = 0;  // budget units one step costs, deterministic budgets only
  int workers_;
  int64_t steps_ = -1;
  double wall_start_ = 0, cpu_start_ = 0;
};

}  // namespace swarm
