#include "harness/options.h"

#include <cerrno>
#include <cstdlib>

#include "harness/failure.h"

namespace swarm {

Options::Options(int argc, char** argv, const std::set<std::string>& with_value, const std::set<std::string>& bare, const std::string& usage)
    : usage_(usage) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const bool takes_value = with_value.count(name) > 0;
    if (!takes_value && !bare.count(name)) throw Failure(Exit::usage, usage_ + "\nunknown option " + name);
    if (values_.count(name)) throw Failure(Exit::usage, usage_ + "\n" + name + " is given twice");
    if (takes_value && i + 1 >= argc) throw Failure(Exit::usage, usage_ + "\n" + name + " needs a value");
    values_[name] = takes_value ? argv[++i] : "";
  }
}

std::string Options::required(const std::string& name) const {
  const auto found = values_.find(name);
  if (found == values_.end() || found->second.empty()) throw Failure(Exit::usage, usage_ + "\n" + name + " is missing");
  return found->second;
}

uint64_t Options::whole(const std::string& name, uint64_t otherwise, uint64_t lowest, uint64_t highest) const {
  const auto found = values_.find(name);
  if (found == values_.end()) return otherwise;
  const std::string& text = found->second;
  errno = 0;
  const uint64_t value = std::strtoull(text.c_str(), nullptr, 10);
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos || errno != 0 || value < lowest || value > highest)
    throw Failure(Exit::usage, name + " is '" + text + "', expected a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest));
  return value;
}

}  // namespace swarm
