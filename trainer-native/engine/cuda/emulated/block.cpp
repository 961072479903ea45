#include "engine/cuda/emulated/block.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "engine/cuda/emulated/fiber.h"
#include "engine/cuda/emulated/kernel.h"

namespace swarm::cuda {

Extent threadIdx, blockIdx, blockDim, gridDim;

namespace emulated {
namespace {

constexpr int lanes = 32;
constexpr size_t slot_bytes = 32, guard_bytes = 64;
constexpr unsigned char guard = 0xA5;

Order the_order = Order::Forward;
uint64_t the_seed = 1;

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
    if (copy.from) std::memcpy(copy.to, copy.from, 16);
    else std::memset(copy.to, 0, 16);
  }

  std::vector<Fiber> fibers;
  std::vector<Warp> warps;
  std::vector<char*> stacks;
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

Block& the_block() {
  static Block block;
  return block;
}

void begin_thread() {
  Block& b = the_block();
  try {
    (*b.body)();
  } catch (...) {
    b.failure = std::current_exception();
  }
  b.now->done = true;
  if (--b.alive > 0 && b.barrier.arrived == b.alive) Block::open(b.barrier);  // a thread that has ended is not waited for
  switch_to(b.now->context, b.scheduler);
}

void Block::run(const char* kernel, Extent block, size_t bytes, const std::function<void()>& run_body, Random& draw) {
  const int threads = int(block.x * block.y * block.z);
  const std::string who = std::string("kernel ") + kernel + ": ";
  if (threads % lanes || threads < 1 || threads > 1024) throw std::runtime_error(who + "a block needs whole warps, at most 32");
  body = &run_body;
  random = &draw;
  failure = nullptr;
  fibers.assign(size_t(threads), Fiber());
  warps.assign(size_t(threads / lanes), Warp());
  while (stacks.size() < fibers.size()) stacks.push_back(static_cast<char*>(std::aligned_alloc(64, stack_bytes)));
  shared_space.assign(bytes + 2 * guard_bytes + 128, char(guard));
  shared = shared_space.data() + guard_bytes;
  shared += (128 - reinterpret_cast<uintptr_t>(shared) % 128) % 128;
  std::memset(shared, 0xff, bytes);  // NaN in bf16 and float32
  barrier = {};
  alive = threads;
  order.resize(size_t(threads));
  std::iota(order.begin(), order.end(), 0);
  if (the_order == Order::Backward) std::reverse(order.begin(), order.end());
  for (int t = 0; t < threads; t++) {
    Fiber& f = fibers[size_t(t)];
    f.thread = {unsigned(t) % block.x, unsigned(t) / block.x % block.y, unsigned(t) / (block.x * block.y)};
    f.context = begin_on(stacks[size_t(t)], begin_thread);
  }
  while (alive > 0 && !failure) {
    if (the_order == Order::Random) random->shuffle(order);
    bool moved = false;
    for (int t : order) {
      Fiber& f = fibers[size_t(t)];
      if (f.done || (f.at && f.at->generation == f.since)) continue;
      moved = true;
      now = &f;
      threadIdx = f.thread;
      switch_to(scheduler, f.context);
      if (failure) break;
    }
    if (!moved) throw std::runtime_error(who + "its threads wait for each other: a barrier is not reached by all");
  }
  try {
    if (failure) std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    throw std::runtime_error(who + error.what());
  }
  for (size_t i = 0; i < guard_bytes; i++)
    if (static_cast<unsigned char>(shared[bytes + i]) != guard || static_cast<unsigned char>(shared_space[i]) != guard)
      throw std::runtime_error(who + "writes outside the " + std::to_string(bytes) + " bytes of shared memory it asked for");
}

}  // namespace

void set_order(Order order, uint64_t seed) {
  the_order = order;
  the_seed = seed;
}

void run(const char* kernel, Extent grid, Extent block, size_t shared, const std::function<void()>& body) {
  Random random(the_seed);
  gridDim = grid;
  blockDim = block;
  std::vector<uint64_t> blocks(uint64_t{grid.x} * grid.y * grid.z);
  std::iota(blocks.begin(), blocks.end(), uint64_t{0});
  if (the_order == Order::Backward) std::reverse(blocks.begin(), blocks.end());
  if (the_order == Order::Random) random.shuffle(blocks);
  for (uint64_t b : blocks) {
    blockIdx = {unsigned(b % grid.x), unsigned(b / grid.x % grid.y), unsigned(b / (uint64_t{grid.x} * grid.y))};
    the_block().run(kernel, block, shared, body, random);
  }
}

}  // namespace emulated

using emulated::the_block;

void __syncthreads() {
  auto& b = the_block();
  b.meet(b.barrier, b.alive);
}
char* shared_memory() { return the_block().shared; }

void __syncwarp() {
  the_block().gather("__syncwarp", "", 1, [](auto&, int) {});
}

float shuffle_xor(float x, int distance) {
  auto& b = the_block();
  const int set = b.gather("shuffle_xor", &x, sizeof x, [](auto&, int) {});
  float other;
  std::memcpy(&other, b.my_warp().slots[set][b.my_lane() ^ distance], sizeof other);
  return other;
}

void copy_async16(void* to, const void* from, bool valid) {
  auto& b = the_block();
  const emulated::Copy copy{to, valid ? from : nullptr, b.now->groups};
  if (reinterpret_cast<uintptr_t>(to) % 16 || (valid && reinterpret_cast<uintptr_t>(from) % 16)) throw std::runtime_error("copy_async16 is not aligned");
  const bool at_once = emulated::the_order == emulated::Order::Forward || (emulated::the_order == emulated::Order::Random && b.random->next() % 2);
  if (at_once) b.perform(copy);
  else b.now->copies.push_back(copy);
}
void copy_async_commit() { the_block().now->groups++; }
void copy_async_wait_for(int left) {
  auto& b = the_block();
  auto& copies = b.now->copies;
  const int done = b.now->groups - left;
  size_t count = 0;
  for (; count < copies.size() && copies[count].group < done; count++) b.perform(copies[count]);
  copies.erase(copies.begin(), copies.begin() + long(count));
}

// Rows are read when a lane arrives: all are there before any lane goes on.
void load_matrices(uint32_t (&r)[4], const void* row) {
  auto& b = the_block();
  if (reinterpret_cast<uintptr_t>(row) % 16) throw std::runtime_error("load_matrices is not aligned");
  const int set = b.gather("load_matrices", row, 16, [](auto&, int) {}), lane = b.my_lane();
  for (int i = 0; i < 4; i++) std::memcpy(&r[i], b.my_warp().slots[set][i * 8 + lane / 4] + lane % 4 * 4, 4);
}
void load_matrices_transposed(uint32_t (&r)[4], const void* row) {
  auto& b = the_block();
  if (reinterpret_cast<uintptr_t>(row) % 16) throw std::runtime_error("load_matrices is not aligned");
  const int set = b.gather("load_matrices_transposed", row, 16, [](auto&, int) {}), lane = b.my_lane();
  for (int i = 0; i < 4; i++)
    for (int half = 0; half < 2; half++) {
      const char* from = b.my_warp().slots[set][i * 8 + lane % 4 * 2 + half] + lane / 4 * 2;
      std::memcpy(reinterpret_cast<char*>(&r[i]) + 2 * half, from, 2);
    }
}

namespace {

float half_of(uint32_t pair, int half) { return to_float({uint16_t(pair >> (16 * half))}); }

// Fragments of all lanes to their product; the layout is PTX's for m16n8k16.
void multiply(emulated::Warp& w, int set) {
  float a[16][16], b[16][8];
  for (int lane = 0; lane < emulated::lanes; lane++) {
    uint32_t r[6];
    std::memcpy(r, w.slots[set][lane], sizeof r);
    const int row = lane / 4, k = lane % 4 * 2;
    for (int half = 0; half < 2; half++) {
      for (int i = 0; i < 4; i++) a[row + i % 2 * 8][k + i / 2 * 8 + half] = half_of(r[i], half);
      for (int i = 0; i < 2; i++) b[k + i * 8 + half][row] = half_of(r[4 + i], half);
    }
  }
  for (int m = 0; m < 16; m++) {
    float sum[8] = {};
    for (int k = 0; k < 16; k++)
      for (int n = 0; n < 8; n++) sum[n] += a[m][k] * b[k][n];
    std::memcpy(w.product[set][m], sum, sizeof sum);
  }
}

}  // namespace

void mma(float (&c)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1) {
  auto& b = the_block();
  const uint32_t mine[6] = {a[0], a[1], a[2], a[3], b0, b1};
  const int set = b.gather("mma", mine, sizeof mine, multiply), lane = b.my_lane();
  for (int i = 0; i < 4; i++) c[i] += b.my_warp().product[set][lane / 4 + i / 2 * 8][lane % 4 * 2 + i % 2];
}

}  // namespace swarm::cuda
