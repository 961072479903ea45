// Brings what a micro-step reads to the device while the one before it runs: two slots in pinned memory and two on the device, copied
// on a stream of their own, and one fixed place that the tapes read. Two definitions: nvidia.cu, and emulated/memory.cpp.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>

namespace swarm::cuda {

class Feed {
 public:
  Feed(char* place, size_t bytes);  // place: on the device
  ~Feed();
  char* next();   // host memory for the next input; returns once what was written there before has left
  void send();    // it is written: it goes on its way beside whatever the device does
  void arrive();  // puts the oldest input on its way in its place, after every Playback::run before it and before those that follow

 private:
  static constexpr int slots = 2;
  int free_slot() const {
    if (sent_ - arrived_ == slots) throw std::logic_error("both slots are on their way: let one arrive first");
    return int(sent_ % slots);
  }
  int oldest_slot() const {
    if (sent_ == arrived_) throw std::logic_error("nothing is on its way");
    return int(arrived_ % slots);
  }
  struct Lane;
  std::unique_ptr<Lane> lane_;
  uint64_t sent_ = 0, arrived_ = 0;
};

}  // namespace swarm::cuda
