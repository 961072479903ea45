// Reads and writes of a descriptor that are whole or have failed: what a signal cuts short is gone on with.
// defines: take_whole, give_whole
#pragma once
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace swarm {

// False: the other end is closed before `bytes` were there, or errno says why.
inline bool take_whole(int fd, void* to, size_t bytes) {
  for (char* p = static_cast<char*>(to); bytes > 0;) {
    const ssize_t got = read(fd, p, bytes);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    p += got;
    bytes -= size_t(got);
  }
  return true;
}

// False: errno says why.
inline bool give_whole(int fd, const void* from, size_t bytes) {
  for (const char* p = static_cast<const char*>(from); bytes > 0;) {
    const ssize_t put = write(fd, p, bytes);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    p += put;
    bytes -= size_t(put);
  }
  return true;
}

}  // namespace swarm
