// One run: the experiment described and checked, trained until its budget is spent, its checkpoint and report written.
#pragma once
#include <cstdint>
#include <string>

namespace swarm {

struct TrainingOrder {
  std::string data;
  std::string out;         // folder; not used by describe
  std::string budget;
  std::string backend;     // auto, cpu, cuda; empty: see harness/backend_choice.h
  std::string scale;       // refused when it is not the one the experiment was compiled for; empty: that one
  uint64_t seed = 0;
  int workers = 1;
  int64_t max_steps = -1;  // the preflight's early stop; -1: none
  bool resume = false;     // keep state.bin in `out`, and go on from the one that is there; deterministic budgets only
  double save_seconds = 10;  // between two writes of it
  bool json = false;       // progress as one JSON object a line instead of lines for people
};

void train(const TrainingOrder& order);         // throws Failure and Refused; a diverged run has written its report by then
std::string describe(const TrainingOrder& order);  // what `train` would run, as one JSON object; trains nothing

}  // namespace swarm
