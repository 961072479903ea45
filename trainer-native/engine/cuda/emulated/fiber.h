// A second thread of control on its own stack: switch_to goes on there and returns when it switches back.
#pragma once
#include <cstddef>

namespace swarm::cuda::emulated {

struct Context {
  void* place = nullptr;  // where it goes on: a stack pointer, or a ucontext_t
  // What a sanitizer has to know of it: its stack, or its fiber by ThreadSanitizer's name.
  const void* bottom = nullptr;
  size_t bytes = 0;
  void* fiber = nullptr;
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr size_t stack_bytes = 256 << 10;  // frames have fences round every array
#else
constexpr size_t stack_bytes = 64 << 10;
#endif

// `start` is called on `stack` at the first switch to it, calls arrived() first, and never returns. As it never leaves its first
// frame, it is not_seen_by_threads: ThreadSanitizer would count that frame for ever.
Context begin_on(char* stack, void (*start)());
void arrived(Context& from);
void switch_to(Context& from, Context& to);

#if defined(__SANITIZE_THREAD__)
#define not_seen_by_threads __attribute__((no_sanitize("thread")))
#else
#define not_seen_by_threads
#endif

}  // namespace swarm::cuda::emulated
