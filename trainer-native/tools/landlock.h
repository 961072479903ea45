// Which files a process may still reach (Landlock, Linux 5.13 and later), each path allowed by name and everything else denied, for it
// and for whatever it starts. Unprivileged, irrevocable; on older kernels as much of it as there is.
#pragma once
#include <cstdint>
#include <string>

namespace swarm {

class Landlock {
 public:
  enum Right : uint64_t {  // linux/landlock.h; own numbers, since headers are often older than kernels
    execute = 1 << 0,
    write_file = 1 << 1,
    read_file = 1 << 2,
    read_folder = 1 << 3,
    remove_file = 1 << 5,
    make_file = 1 << 8,
    truncate = 1 << 14,      // version 3
    command_device = 1 << 15,  // ioctl, version 5
    read = read_file | read_folder,
    write = read | write_file | remove_file | make_file | truncate,
  };

  Landlock();
  ~Landlock();
  Landlock(const Landlock&) = delete;
  Landlock& operator=(const Landlock&) = delete;

  int version() const { return version_; }              // 0: the kernel has none
  void allow(const std::string& path, uint64_t rights);  // a file, or a folder with all below; a path that is not there stays unreachable
  bool enforce();                                        // needs no_new_privs; false when there is nothing to enforce with

 private:
  int version_ = 0, rules_ = -1;
  uint64_t handled_ = 0;
};

}  // namespace swarm
