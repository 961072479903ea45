// The emulated device: its memory is the host's, between two stretches that nobody may write, and a tape is simply run.
#include "engine/cuda/backend.h"
#include "engine/cuda/feed.h"
#include "engine/cuda/memory.h"
#include "engine/cuda/playback.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace swarm::cuda {
namespace {
constexpr size_t guard_bytes = 256;
constexpr unsigned char guard = 0xA5;
}  // namespace

Memory::Memory(size_t bytes) : bytes_(bytes) {
  const size_t whole = (bytes + 3 * guard_bytes) / guard_bytes * guard_bytes;
  auto* all = static_cast<unsigned char*>(std::aligned_alloc(guard_bytes, whole));
  if (!all) throw DeviceError("the emulated device has no " + std::to_string(bytes) + " bytes");
  std::memset(all, guard, whole);
  start_ = all + guard_bytes;
  std::memset(start_, 0xff, bytes);  // NaN in bf16 and float32
}

Memory::~Memory() {
  const auto* first = static_cast<unsigned char*>(start_);
  for (size_t i = 1; i <= guard_bytes; i++)
    if (first[-long(i)] != guard || first[bytes_ + i - 1] != guard) {
      std::fprintf(stderr, "a kernel wrote outside its %zu bytes of device memory\n", bytes_);
      std::abort();
    }
  std::free(static_cast<unsigned char*>(start_) - guard_bytes);
}

void upload(void* device, const void* host, size_t bytes) { std::memcpy(device, host, bytes); }
void download(void* host, const void* device, size_t bytes) { std::memcpy(host, device, bytes); }
void fill_bytes(void* device, unsigned char value, size_t bytes) { std::memset(device, value, bytes); }
void wait() {}

struct Playback::Captured {};
Playback::Playback(Tape tape) : tape_(std::move(tape)) {}
Playback::~Playback() = default;
void Playback::run() { tape_.run(); }

// As late as the device may: what is sent is copied when it arrives, so that a slot taken again too early shows.
struct Feed::Lane {
  char* place;
  std::vector<char> host[slots];
};
Feed::Feed(char* place, size_t bytes) : lane_(std::make_unique<Lane>()) {
  lane_->place = place;
  for (auto& slot : lane_->host) slot.resize(bytes);
}
Feed::~Feed() = default;
char* Feed::next() {
  std::vector<char>& slot = lane_->host[free_slot()];
  std::fill(slot.begin(), slot.end(), char(0xff));
  return slot.data();
}
void Feed::send() {
  free_slot();
  sent_++;
}
void Feed::arrive() {
  const std::vector<char>& slot = lane_->host[oldest_slot()];
  std::copy(slot.begin(), slot.end(), lane_->place);
  arrived_++;
}

std::string unusable() { return ""; }
Device the_device() { return {"emulator", size_t{1} << 30, "8.0", "0.0", "0.0", 989.5e12}; }

}  // namespace swarm::cuda
