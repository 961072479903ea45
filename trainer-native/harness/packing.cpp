#include "harness/packing.h"

#include <cstring>

namespace swarm {

bool Packing::row(uint16_t* row) {
  int filled = 0;
  while (filled < row_tokens_) {
    while (waiting_.size() < least_waiting) {
      Document document;
      size_t added = 0;
      while (added < refill && next_(document)) {
        waiting_.push_back(document);
        ++added;
      }
      if (added < refill) break;
    }
    if (waiting_.empty()) return false;

    const uint32_t room = uint32_t(row_tokens_ - filled);
    size_t best = waiting_.size(), shortest = 0;
    for (size_t i = 0; i < waiting_.size(); ++i) {
      const uint32_t count = waiting_[i].count;
      if (count <= room && (best == waiting_.size() || count > waiting_[best].count)) best = i;
      if (count < waiting_[shortest].count) shortest = i;
    }
    const size_t chosen = best < waiting_.size() ? best : shortest;
    const uint32_t take = waiting_[chosen].count < room ? waiting_[chosen].count : room;
    std::memcpy(row + filled, waiting_[chosen].tokens, take * sizeof(uint16_t));
    filled += int(take);
    waiting_.erase(waiting_.begin() + std::ptrdiff_t(chosen));
  }
  return true;
}

}  // namespace swarm
