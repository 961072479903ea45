#include "engine/cuda/emulated/fiber.h"

#include <cstdint>
#ifndef __x86_64__
#include <ucontext.h>
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#elif defined(__SANITIZE_THREAD__)
#include <map>
#include <sanitizer/tsan_interface.h>
#endif

namespace swarm::cuda::emulated {
namespace {

void change_stacks(Context& from, Context& to);

// A sanitizer keeps books on each stack: which bytes of it may be touched, which calls are open on it.
#if defined(__SANITIZE_ADDRESS__)
void tell_of(Context& fresh, char* stack) {
  ASAN_UNPOISON_MEMORY_REGION(stack, stack_bytes);  // whoever was on it last left its frames standing
  fresh.bottom = stack;
  fresh.bytes = stack_bytes;
}
void tell_before(Context&, Context& to) { __sanitizer_start_switch_fiber(nullptr, to.bottom, to.bytes); }
void tell_after() { __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr); }
void tell_at_first(Context& from) { __sanitizer_finish_switch_fiber(nullptr, &from.bottom, &from.bytes); }
#elif defined(__SANITIZE_THREAD__)
void tell_of(Context& fresh, char* stack) {
  static std::map<char*, void*> fibers;  // one a stack, for the life of the process
  void*& fiber = fibers[stack];
  if (!fiber) fiber = __tsan_create_fiber(0);
  fresh.fiber = fiber;
}
not_seen_by_threads void tell_before(Context& from, Context& to) {
  from.fiber = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(to.fiber, 0);
}
not_seen_by_threads void tell_after() {}
not_seen_by_threads void tell_at_first(Context&) {}
#else
void tell_of(Context&, char*) {}
void tell_before(Context&, Context&) {}
void tell_after() {}
void tell_at_first(Context&) {}
#endif

}  // namespace

not_seen_by_threads void arrived(Context& from) { tell_at_first(from); }

not_seen_by_threads void switch_to(Context& from, Context& to) {
  tell_before(from, to);
  change_stacks(from, to);
  tell_after();
}

#ifdef __x86_64__
// Saves what a call must keep, changes stacks, restores. Some 20 times faster than swapcontext, which asks the kernel twice.
extern "C" void swarm_switch_stacks(void** from, void* to);
asm(R"(
.text
.globl swarm_switch_stacks
.type swarm_switch_stacks, @function
swarm_switch_stacks:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size swarm_switch_stacks, .-swarm_switch_stacks
)");

Context begin_on(char* stack, void (*start)()) {
  Context fresh;
  tell_of(fresh, stack);
  auto top = reinterpret_cast<uintptr_t>(stack + stack_bytes) & ~uintptr_t{15};
  auto** slots = reinterpret_cast<void**>(top) - 8;  // six registers, where to return to, and what `start` would return to
  for (int i = 0; i < 8; i++) slots[i] = nullptr;
  slots[6] = reinterpret_cast<void*>(start);
  fresh.place = slots;
  return fresh;
}
namespace {
not_seen_by_threads void change_stacks(Context& from, Context& to) { swarm_switch_stacks(&from.place, to.place); }
}  // namespace

#else

Context begin_on(char* stack, void (*start)()) {
  auto* context = new ucontext_t;  // kept for the life of the process: stacks are reused, a test makes a few thousand
  getcontext(context);
  context->uc_stack.ss_sp = stack;
  context->uc_stack.ss_size = stack_bytes;
  context->uc_link = nullptr;
  makecontext(context, start, 0);
  Context fresh;
  fresh.place = context;
  tell_of(fresh, stack);
  return fresh;
}
namespace {
not_seen_by_threads void change_stacks(Context& from, Context& to) {
  if (!from.place) from.place = new ucontext_t;
  swapcontext(static_cast<ucontext_t*>(from.place), static_cast<ucontext_t*>(to.place));
}
}  // namespace
#endif

}  // namespace swarm::cuda::emulated
