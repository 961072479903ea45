// The threads of the block that runs, and where they meet.
// defines: Random, Meeting, Fiber, Warp, Block, the_block()
#pragma once
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/cuda/emulated/block.h"
#include "engine/cuda/emulated/fiber.h"

namespace swarm::cuda::emulated {

struct Freed {
  void operator()(char* stack) const { std::free(stack); }
};

constexpr int lanes = 32;
constexpr size_t slot_bytes = 32;

class Random {  // splitmix64
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  template <class T>
  void shuffle(std::vector<T>& all) {
    for (size_t i = all.size(); i > 1; i--) std::swap(all[i - 1], all[next() % i]);
  }

 private:
  uint64_t state_;
};

// Where threads meet: `generation` counts how often all of them came.
struct Meeting {
  uint64_t generation = 0;
  int arrived = 0;
};

struct Copy {
  void* to;
  const void* from;  // null: zeros
  int group;
  size_t bytes;
};

struct Fiber {
  Context context;
  Extent thread;
  bool done = false;
  const Meeting* at = nullptr;  // waits for it to leave `since`
  uint64_t since = 0;
  std::vector<Copy> copies;
  int groups = 0;  // committed
};

struct Warp {
  Meeting meeting;
  const char* word = nullptr;  // what its lanes meet in
  alignas(16) char slots[2][lanes][slot_bytes];
  float product[2][16][8];
};

class Block {
 public:
  void run(const char* kernel, Extent block, size_t shared, const std::function<void()>& body, Random& random);

  // --- called on a fiber ---
  void meet(Meeting& meeting, int all) {
    if (++meeting.arrived == all) return open(meeting);
    wait_at(meeting);
  }
  void wait_at(const Meeting& meeting) {
    Fiber& me = *now;
    me.at = &meeting;
    me.since = meeting.generation;
    switch_to(me.context, scheduler);
    me.at = nullptr;
  }
  static void open(Meeting& meeting) {
    meeting.arrived = 0;
    meeting.generation++;
  }
  Warp& my_warp() { return warps[size_t(now - fibers.data()) / lanes]; }
  int my_lane() const { return int(now - fibers.data()) % lanes; }
  // Every lane brings `bytes`; `complete` runs once, on the last lane. Returns which of the two sets of slots holds them.
  template <class Complete>
  int gather(const char* word, const void* mine, size_t bytes, Complete complete) {
    Warp& w = my_warp();
    const int set = int(w.meeting.generation & 1);
    if (w.meeting.arrived == 0) w.word = word;
    else if (std::strcmp(w.word, word)) throw std::runtime_error(std::string("one lane is in ") + w.word + ", another in " + word);
    std::memcpy(w.slots[set][my_lane()], mine, bytes);
    if (w.meeting.arrived + 1 == lanes) complete(w, set);
    meet(w.meeting, lanes);
    return set;
  }
  void perform(const Copy& copy) {
    if (copy.from) std::memcpy(copy.to, copy.from, copy.bytes);
    else std::memset(copy.to, 0, copy.bytes);
  }

  std::vector<Fiber> fibers;
  std::vector<Warp> warps;
  std::vector<std::unique_ptr<char, Freed>> stacks;
  std::vector<int> order;
  char* shared = nullptr;  // 128-byte aligned
  std::vector<char> shared_space;
  Meeting barrier;
  int alive = 0;
  Fiber* now = nullptr;
  Context scheduler;
  const std::function<void()>* body = nullptr;
  std::exception_ptr failure;
  Random* random = nullptr;
};

Block& the_block();
Order the_order();

}  // namespace swarm::cuda::emulated
