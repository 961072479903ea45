#include "harness/syscall_filter.h"

#if defined(__linux__) && (defined(__x86_64__) || defined(__aarch64__))
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace swarm {
namespace {

#if defined(__x86_64__)
constexpr uint32_t own_architecture = AUDIT_ARCH_X86_64;
#else
constexpr uint32_t own_architecture = AUDIT_ARCH_AARCH64;
#endif
constexpr int newest_known_call = 456;  // futex_requeue, Linux 6.7; numbers from 424 on are the same everywhere
constexpr uint32_t x32_bit = 0x40000000;

constexpr uint16_t load = BPF_LD | BPF_W | BPF_ABS, equal = BPF_JMP | BPF_JEQ | BPF_K, at_least = BPF_JMP | BPF_JGE | BPF_K,
                   mask = BPF_ALU | BPF_AND | BPF_K, give = BPF_RET | BPF_K;
constexpr uint32_t low_half(int argument) { return uint32_t(offsetof(seccomp_data, args)) + 8 * uint32_t(argument); }  // little endian
constexpr uint32_t failing(int error) { return SECCOMP_RET_ERRNO | (uint32_t(error) & SECCOMP_RET_DATA); }

}  // namespace

SyscallFilter::SyscallFilter() {
  program_ = {{load, 0, 0, offsetof(seccomp_data, arch)},
              {equal, 1, 0, own_architecture},
              {give, 0, 0, SECCOMP_RET_KILL_PROCESS},
              {load, 0, 0, offsetof(seccomp_data, nr)},
              {at_least, 0, 1, x32_bit},
              {give, 0, 0, SECCOMP_RET_KILL_PROCESS},
              {at_least, 0, 1, uint32_t(newest_known_call) + 1},
              {give, 0, 0, failing(ENOSYS)}};
}

void SyscallFilter::when(int call, uint8_t skip_otherwise) { program_.push_back({equal, 0, skip_otherwise, uint32_t(call)}); }

void SyscallFilter::deny(const std::vector<int>& calls, int error) {
  for (int call : calls) {
    when(call, 1);
    program_.push_back({give, 0, 0, failing(error)});
  }
}

void SyscallFilter::only_if_equal(int call, int argument, uint32_t value, int error) {
  when(call, 6);
  program_.push_back({load, 0, 0, low_half(argument)});
  program_.push_back({equal, 0, 3, value});
  program_.push_back({load, 0, 0, low_half(argument) + 4});
  program_.push_back({equal, 0, 1, 0});
  program_.push_back({give, 0, 0, SECCOMP_RET_ALLOW});
  program_.push_back({give, 0, 0, failing(error)});
}

void SyscallFilter::never_if_equal(int call, int argument, uint32_t value, int error) {
  when(call, 4);
  program_.push_back({load, 0, 0, low_half(argument)});
  program_.push_back({equal, 0, 1, value});
  program_.push_back({give, 0, 0, failing(error)});
  program_.push_back({give, 0, 0, SECCOMP_RET_ALLOW});
}

void SyscallFilter::only_with_bits(int call, int argument, uint32_t bits, int error) {
  when(call, 5);
  program_.push_back({load, 0, 0, low_half(argument)});
  program_.push_back({mask, 0, 0, bits});
  program_.push_back({equal, 0, 1, bits});
  program_.push_back({give, 0, 0, SECCOMP_RET_ALLOW});
  program_.push_back({give, 0, 0, failing(error)});
}

bool SyscallFilter::install() const {
  static_assert(sizeof(Instruction) == sizeof(sock_filter), "the kernel's layout");
  std::vector<Instruction> whole = program_;
  whole.push_back({give, 0, 0, SECCOMP_RET_ALLOW});
  sock_fprog told{static_cast<unsigned short>(whole.size()), reinterpret_cast<sock_filter*>(whole.data())};
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &told) == 0;
}

}  // namespace swarm

#else
namespace swarm {
SyscallFilter::SyscallFilter() {}
void SyscallFilter::deny(const std::vector<int>&, int) {}
void SyscallFilter::only_if_equal(int, int, uint32_t, int) {}
void SyscallFilter::never_if_equal(int, int, uint32_t, int) {}
void SyscallFilter::only_with_bits(int, int, uint32_t, int) {}
bool SyscallFilter::install() const { return false; }
}  // namespace swarm
#endif
