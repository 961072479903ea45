#include "engine/cuda/emulated/block.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "engine/cuda/emulated/kernel.h"
#include "engine/cuda/emulated/threads.h"

namespace swarm::cuda {

Extent threadIdx, blockIdx, blockDim, gridDim;

namespace emulated {
namespace {

constexpr size_t guard_bytes = 64;
constexpr unsigned char guard = 0xA5;

Order chosen_order = Order::Forward;
uint64_t chosen_seed = 1;

not_seen_by_threads void begin_thread() {
  Block& b = the_block();
  arrived(b.scheduler);
  try {
    (*b.body)();
  } catch (...) {
    b.failure = std::current_exception();
  }
  b.now->done = true;
  if (--b.alive > 0 && b.barrier.arrived == b.alive) Block::open(b.barrier);  // a thread that has ended is not waited for
  switch_to(b.now->context, b.scheduler);
}

}  // namespace

void Block::run(const char* kernel, Extent block, size_t bytes, const std::function<void()>& run_body, Random& draw) {
  const int threads = int(block.x * block.y * block.z);
  const std::string who = std::string("kernel ") + kernel + ": ";
  if (threads % lanes || threads < 1 || threads > 1024) throw std::runtime_error(who + "a block needs whole warps, at most 32");
  body = &run_body;
  random = &draw;
  failure = nullptr;
  fibers.assign(size_t(threads), Fiber());
  warps.assign(size_t(threads / lanes), Warp());
  while (stacks.size() < fibers.size()) stacks.emplace_back(static_cast<char*>(std::aligned_alloc(64, stack_bytes)));
  shared_space.assign(bytes + 2 * guard_bytes + 128, char(guard));
  shared = shared_space.data() + guard_bytes;
  shared += (128 - reinterpret_cast<uintptr_t>(shared) % 128) % 128;
  std::memset(shared, 0xff, bytes);  // NaN in bf16 and float32
  barrier = {};
  alive = threads;
  order.resize(size_t(threads));
  std::iota(order.begin(), order.end(), 0);
  if (chosen_order == Order::Backward) std::reverse(order.begin(), order.end());
  for (int t = 0; t < threads; t++) {
    Fiber& f = fibers[size_t(t)];
    f.thread = {unsigned(t) % block.x, unsigned(t) / block.x % block.y, unsigned(t) / (block.x * block.y)};
    f.context = begin_on(stacks[size_t(t)].get(), begin_thread);
  }
  while (alive > 0 && !failure) {
    if (chosen_order == Order::Random) random->shuffle(order);
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

Block& the_block() {
  static Block block;
  return block;
}
Order the_order() { return chosen_order; }

void set_order(Order order, uint64_t seed) {
  chosen_order = order;
  chosen_seed = seed;
}

void run(const char* kernel, Extent grid, Extent block, size_t shared, const std::function<void()>& body) {
  Random random(chosen_seed);
  gridDim = grid;
  blockDim = block;
  std::vector<uint64_t> blocks(uint64_t{grid.x} * grid.y * grid.z);
  std::iota(blocks.begin(), blocks.end(), uint64_t{0});
  if (chosen_order == Order::Backward) std::reverse(blocks.begin(), blocks.end());
  if (chosen_order == Order::Random) random.shuffle(blocks);
  for (uint64_t b : blocks) {
    blockIdx = {unsigned(b % grid.x), unsigned(b / grid.x % grid.y), unsigned(b / (uint64_t{grid.x} * grid.y))};
    the_block().run(kernel, block, shared, body, random);
  }
}

}  // namespace emulated

}  // namespace swarm::cuda
