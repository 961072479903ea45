#include "engine/core/optimizer.h"

#include "engine/core/refused.h"

namespace swarm {
namespace {
bool matches(const std::string& pattern, const std::string& name) {
  if (pattern.empty() || pattern.back() != '*') return pattern == name;
  return name.compare(0, pattern.size() - 1, pattern, 0, pattern.size() - 1) == 0;
}
}  // namespace

const Group& Optimizer::group_of(const std::string& parameter) const {
  const Group* found = nullptr;
  for (const Group& group : groups_) {
    if (!matches(group.pattern, parameter)) continue;
    if (found) refuse("parameter " + parameter + " is in two optimizer groups, " + found->pattern + " and " + group.pattern + ": keep one");
    found = &group;
  }
  if (!found) refuse("parameter " + parameter + " is in no optimizer group: add one for it");
  return *found;
}

}  // namespace swarm
