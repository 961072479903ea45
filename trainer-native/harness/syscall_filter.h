// Which system calls a process may still make, told to the kernel once and for ever (seccomp, Linux 3.5 and later: a small BPF program
// over struct seccomp_data). A filter can only be narrowed, and everything the process becomes by exec keeps it.
#pragma once
#include <cstdint>
#include <vector>

namespace swarm {

class SyscallFilter {
 public:
  // Calls of another architecture or of the x32 ABI end the process; calls newer than this list do not exist (ENOSYS).
  SyscallFilter();

  void deny(const std::vector<int>& calls, int error);                  // fails with errno `error`
  void only_if_equal(int call, int argument, uint32_t value, int error);  // argument 0 to 5, all its 64 bits
  void never_if_equal(int call, int argument, uint32_t value, int error);  // the low 32 bits, which is what the kernel reads of an int
  void only_with_bits(int call, int argument, uint32_t bits, int error);  // every one of these bits set

  // Needs no_new_privs. On every thread there is; false where the kernel has no filters or this is no Linux we know.
  bool install() const;

 private:
  struct Instruction {  // struct sock_filter, linux/filter.h
    uint16_t code;
    uint8_t if_true, if_false;
    uint32_t k;
  };
  void when(int call, uint8_t skip_otherwise);
  std::vector<Instruction> program_;
};

}  // namespace swarm
