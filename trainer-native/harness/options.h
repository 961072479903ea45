// Command lines of `train` and `judge`: --name VALUE or a bare --name, each at most once.
#pragma once
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace swarm {

class Options {
 public:
  // Throws Failure(Exit::usage) for anything that is in neither list. `usage` is shown with it.
  Options(int argc, char** argv, const std::set<std::string>& with_value, const std::set<std::string>& bare, const std::string& usage);
  bool has(const std::string& name) const { return values_.count(name) > 0; }
  std::string required(const std::string& name) const;
  uint64_t whole(const std::string& name, uint64_t otherwise, uint64_t lowest, uint64_t highest) const;

 private:
  std::map<std::string, std::string> values_;
  std::string usage_;
};

}  // namespace swarm
