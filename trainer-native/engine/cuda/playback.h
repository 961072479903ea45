// A tape made ready to be run again and again: on a GPU a CUDA graph, captured once. Two definitions: nvidia.cu, and emulated/memory.cpp.
#pragma once
#include <memory>

#include "engine/cuda/tape.h"

namespace swarm::cuda {

class Playback {
 public:
  explicit Playback(Tape tape);
  ~Playback();
  void run();  // after every upload before it; downloads wait for it
  const Tape& tape() const { return tape_; }

 private:
  struct Captured;
  Tape tape_;
  std::unique_ptr<Captured> captured_;
};

}  // namespace swarm::cuda
