// A process gives up everything but what it needs: files (Landlock), system calls (seccomp), sizes (rlimits), capabilities.
#pragma once
#include <cstdint>
#include <string>

#include "tools/landlock.h"

namespace swarm {

struct Confinement {
  Landlock files;
  bool starts_programs = false;  // a compiler; everything else is one process with its threads
  bool answers = false;          // one thread, and it ends with whoever started it, whatever it wants
  std::string program;           // what exec_once starts; empty for a compiler
  int told = -1, asked = -1;     // descriptors it keeps, under the numbers of harness/question.h; every other is closed
  uint64_t file_bytes = 0;       // of any one file it writes; 0: no limit of ours
  uint64_t memory_bytes = 0;     // of address space
  uint64_t cpu_seconds = 0;
  std::string scratch;           // folder for temporary files
};

// For ever. What holds then: "landlock+seccomp", "seccomp", or "unsandboxed" where the kernel lets us do neither or only half.
std::string confine(Confinement& confinement);

// After confine() of a process that starts no programs: the one exec that is still allowed. Returns when it failed, with errno.
void exec_once(char* const argv[]);

}  // namespace swarm
