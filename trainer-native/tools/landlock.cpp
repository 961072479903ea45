#include "tools/landlock.h"

#ifdef __linux__
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace swarm {
namespace {

constexpr long create_ruleset = 444, add_rule = 445, restrict_self = 446;  // the same on every architecture
constexpr unsigned ask_version = 1, path_beneath = 1;

struct RulesetAttributes {  // struct landlock_ruleset_attr; a kernel that knows less accepts the rest while it is zero
  uint64_t files, network, scope;
};
struct __attribute__((packed)) PathRule {  // struct landlock_path_beneath_attr
  uint64_t rights;
  int32_t path;
};

// All file rights of a version: 13 at first, then one more each (linking across folders, truncating, ioctl on devices).
uint64_t all_rights(int version) { return (uint64_t{1} << (version >= 5 ? 16 : version >= 3 ? 15 : version >= 2 ? 14 : 13)) - 1; }
constexpr uint64_t rights_of_a_file = Landlock::execute | Landlock::write_file | Landlock::read_file | Landlock::truncate | Landlock::command_device;

}  // namespace

Landlock::Landlock() {
  const long version = syscall(create_ruleset, nullptr, 0, ask_version);
  if (version < 1) return;
  handled_ = all_rights(int(version));
  const RulesetAttributes all{handled_, version >= 4 ? 3u : 0u /* bind, connect */, version >= 6 ? 3u : 0u /* abstract sockets, signals */};
  const size_t known = version >= 6 ? sizeof all : version >= 4 ? 16 : 8;
  rules_ = int(syscall(create_ruleset, &all, known, 0));
  if (rules_ >= 0) version_ = int(version);
}

Landlock::~Landlock() {
  if (rules_ >= 0) close(rules_);
}

void Landlock::allow(const std::string& path, uint64_t rights) {
  const int fd = open(path.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) return;
  struct stat info;
  const bool folder = fstat(fd, &info) == 0 && S_ISDIR(info.st_mode);
  const PathRule rule{rights & handled_ & (folder ? ~uint64_t{0} : rights_of_a_file), fd};
  if (rules_ >= 0 && rule.rights) syscall(add_rule, rules_, path_beneath, &rule, 0);
  close(fd);
}

bool Landlock::enforce() { return rules_ >= 0 && syscall(restrict_self, rules_, 0) == 0; }

}  // namespace swarm

#else
namespace swarm {
Landlock::Landlock() {}
Landlock::~Landlock() {}
void Landlock::allow(const std::string&, uint64_t) {}
bool Landlock::enforce() { return false; }
}  // namespace swarm
#endif
