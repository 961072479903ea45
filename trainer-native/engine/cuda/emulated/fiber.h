// A second thread of control on its own stack: switch_to goes on there and returns when it switches back.
#pragma once
#include <cstddef>

namespace swarm::cuda::emulated {

struct Context {
  void* place = nullptr;  // where it goes on: a stack pointer, or a ucontext_t
};

constexpr size_t stack_bytes = 64 << 10;

// `start` is called on `stack` at the first switch to it and never returns.
Context begin_on(char* stack, void (*start)());
void switch_to(Context& from, Context& to);

}  // namespace swarm::cuda::emulated
