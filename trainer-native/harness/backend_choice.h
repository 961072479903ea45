// Where a network runs: what `--backend` asked for, and what there is.
#pragma once
#include <string>

#include "harness/json.h"
#include "harness/scale.h"

namespace swarm {

struct BackendChoice {
  bool cuda = false;
  std::string why;  // "it was asked for"
  std::string line() const;  // "backend: cuda, NVIDIA H200 (it was asked for)"
  std::string bits() const;  // empty on the CPU, whose bits are the same everywhere; else the machine class
  void state(JsonObject& json) const;  // what a report says of it: backend, its reason, and of a device its name, memory and versions
};

// asked: auto, cpu, cuda, or empty: the CPU at the CPU's scale, whose bits are then the same on every machine, else auto.
// Throws Failure(Exit::usage) for another word, Failure(Exit::device) when there is no device and `cuda` was asked for.
BackendChoice choose_backend(const std::string& asked, const Scale& scale);

}  // namespace swarm
