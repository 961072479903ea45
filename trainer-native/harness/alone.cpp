#include "harness/alone.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iterator>

#include "harness/syscall_filter.h"

#ifdef __linux__
#include <sched.h>
#include <sys/syscall.h>
#endif

namespace swarm {

std::string sandbox_word() {
  const char* word = std::getenv("SWARM_SANDBOX");
  return word && *word ? word : "unsandboxed";
}

bool alone() {
#if defined(__SANITIZE_THREAD__)
  const std::filesystem::directory_iterator threads("/proc/self/task");
  return std::distance(begin(threads), end(threads)) <= 2;  // one is ThreadSanitizer's own
#elif defined(__linux__)
  return unshare(CLONE_VM) == 0 || errno != EINVAL;  // unshare(2): EINVAL when the caller is multithreaded, else it does nothing
#else
  return true;
#endif
}

void start_no_more_threads() {
#ifdef __linux__
  if (sandbox_word() == "unsandboxed") return;
  SyscallFilter filter;
  filter.deny({SYS_clone}, EPERM);
  filter.install();
#endif
}

}  // namespace swarm
