// How a program of ours ends early: a sentence for a person and the exit code that says whose fault it is.
// Thrown anywhere in harness and judge, caught once in main, which prints it as the last line of stderr.
#pragma once
#include <stdexcept>
#include <string>

namespace swarm {

enum class Exit : int {
  done = 0,
  internal = 1,
  usage = 2,
  diverged = 3,
  data = 4,        // data set missing or damaged
  refused = 5,     // before step 1: memory, shape, a graph that is not causal
  checkpoint = 6,  // the judge refuses what it was given
  device = 7,      // there is no device where one was asked for, or it or its driver failed: an outage, never the experiment's fault
};

struct Failure : std::runtime_error {
  Failure(Exit exit_code, const std::string& what) : std::runtime_error(what), code(exit_code) {}
  Exit code;
};

}  // namespace swarm
