// A refusal: the network, its settings or its bytes cannot be accepted. Thrown before step 1, shown to the person as is (exit 5 or 6).
#pragma once
#include <stdexcept>
#include <string>

namespace swarm {

struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] inline void refuse(const std::string& why) { throw Refused(why); }

}  // namespace swarm
