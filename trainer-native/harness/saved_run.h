// state.bin: a run under way, written beside its outputs now and then, so that it can be gone on with after any death.
// The rows of text are drawn again from the seed, and random numbers belong to a counter: neither needs to be in the file.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/core/network.h"

namespace swarm {

// What makes two runs the same run. Workers and instruction set are not in it: they change no bit.
struct RunName {
  uint64_t seed;
  std::string budget;
  std::string frozen;    // sha256 of the frozen sources
  std::string manifest;  // of the data set
  std::string binary;    // of this program: the experiment is in it
};

struct Done {
  std::vector<double> losses;  // one a step
  double wall_seconds = 0, cpu_seconds = 0;
};

class SavedRun {
 public:
  // Writes at most every `seconds`, and once when SIGTERM came.
  SavedRun(const std::string& path, const RunName& name, double seconds);
  // Fills `network` and says what is done; nothing when there is no file. Throws Refused when the file is of another run.
  Done read(Network& network) const;
  // After a step: writes when it is time. A SIGTERM that came meanwhile ends the process here, by that signal, with everything written.
  void after_step(const Done& done, Network& network);
  void remove() const;

 private:
  void write(const Done& done, Network& network) const;
  std::string path_;
  RunName name_;
  double every_, written_;
};

std::string own_binary_sha256();  // throws Refused where the system does not say which file runs

}  // namespace swarm
