// What the scan has against an experiment: where, what, and what to write instead.
#pragma once
#include <string>
#include <vector>

namespace swarm {

struct Finding {
  int line;  // 0: the file as a whole
  std::string why;
};

// The rules for the text of an experiment.
std::vector<Finding> scan_source(const std::string& source);

// The rules for what the compiler made of it: an ELF object (x86-64, aarch64), given as its bytes. Sees what no text can hide: which
// functions it wants from outside, what it defines for everybody, what runs before main and what lives between two calls.
std::vector<Finding> scan_object(const std::string& bytes);

}  // namespace swarm
