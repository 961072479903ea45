// A trainer does not outlive the process that started it.
#pragma once
#ifdef __linux__
#include <csignal>
#include <sys/prctl.h>
#include <unistd.h>
#endif

namespace swarm {

// False when the parent is already gone. Where the system has no such signal, the parent's own kill of the process group must do.
inline bool die_with_parent() {
#ifdef __linux__
  const pid_t parent = getppid();
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  return getppid() == parent;  // it may have died in between
#else
  return true;
#endif
}

}  // namespace swarm
