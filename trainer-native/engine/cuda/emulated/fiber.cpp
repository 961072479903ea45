#include "engine/cuda/emulated/fiber.h"

#include <cstdint>
#ifndef __x86_64__
#include <ucontext.h>
#endif

namespace swarm::cuda::emulated {

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
  auto top = reinterpret_cast<uintptr_t>(stack + stack_bytes) & ~uintptr_t{15};
  auto** slots = reinterpret_cast<void**>(top) - 8;  // six registers, where to return to, and what `start` would return to
  for (int i = 0; i < 8; i++) slots[i] = nullptr;
  slots[6] = reinterpret_cast<void*>(start);
  return {slots};
}
void switch_to(Context& from, Context& to) { swarm_switch_stacks(&from.place, to.place); }

#else

Context begin_on(char* stack, void (*start)()) {
  auto* context = new ucontext_t;  // kept for the life of the process: stacks are reused, a test makes a few thousand
  getcontext(context);
  context->uc_stack.ss_sp = stack;
  context->uc_stack.ss_size = stack_bytes;
  context->uc_link = nullptr;
  makecontext(context, start, 0);
  return {context};
}
void switch_to(Context& from, Context& to) {
  if (!from.place) from.place = new ucontext_t;
  swapcontext(static_cast<ucontext_t*>(from.place), static_cast<ucontext_t*>(to.place));
}
#endif

}  // namespace swarm::cuda::emulated
