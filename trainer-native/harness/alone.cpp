#include "harness/alone.h"

#include <cerrno>
#include <cstdlib>

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
#ifdef __linux__
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
