// Runs a grid on the CPU, block after block, and in which order its threads go on between two barriers. A kernel whose result
// depends on that order has a race.
#pragma once
#include <cstdint>
#include <functional>

#include "engine/cuda/tape.h"

namespace swarm::cuda::emulated {

enum class Order {
  Forward,   // lowest thread first, asynchronous copies arrive at once
  Backward,  // highest thread first, asynchronous copies arrive when they are waited for
  Random     // drawn anew in every round, for threads, blocks and copies
};

void set_order(Order order, uint64_t seed = 1);

// Throws std::runtime_error when threads wait for each other for ever, meet in different words, write past the shared memory
// they asked for, or leave the kernel by an exception. Shared memory starts as NaN.
void run(const char* kernel, Extent grid, Extent block, size_t shared, const std::function<void()>& body);

}  // namespace swarm::cuda::emulated
