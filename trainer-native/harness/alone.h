// What the frozen harness holds an experiment's code to inside its own process. Not a wall: code in one process can do anything to it.
// The walls are the jail around the process and the judge, which runs none of that code.
#pragma once
#include <string>

namespace swarm {

// The jail's word for what it put on ("landlock+seccomp", "seccomp"), or "unsandboxed".
std::string sandbox_word();

// True when this thread is the only one. Where the system cannot tell: true.
bool alone();

// From here on the process starts no thread. Inside the jail only.
void start_no_more_threads();

}  // namespace swarm
