// scan SOURCE, scan --object OBJECT: what an experiment may not hold, before and after it is compiled. Exit 0, or 5 with one line a finding.
// Defence in depth: it turns lazy and accidental cheats into a clear message. It is not what keeps a score honest: that is the judge,
// which never runs an experiment's code, and the jail around compiler and trainer. A determined author gets past any scan.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "tools/finding.h"

namespace {

constexpr size_t most_source_bytes = 64 * 1024;
constexpr size_t most_object_bytes = 64 * 1024 * 1024;
constexpr int refused = 5, usage = 2;

// The whole file, or an empty string and why not. Links are not followed, and nothing but a regular file is read.
std::string content(const char* path, size_t most, std::string& why) {
  const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return why = errno == ELOOP ? "it is a link; write a regular file" : std::strerror(errno), "";
  struct stat info;
  std::string out;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) why = "it is not a regular file";
  else if (size_t(info.st_size) > most)
    why = "it has " + std::to_string(info.st_size) + " bytes, at most " + std::to_string(most) + " are allowed; describe the network, do not carry data";
  else {
    out.resize(most + 1);
    size_t have = 0;
    for (ssize_t got; have <= most && (got = read(fd, &out[have], out.size() - have)) > 0;) have += size_t(got);
    out.resize(have);
    if (have > most) why = "it grew while it was read", out.clear();
  }
  close(fd);
  return out;
}

}  // namespace

int main(int argc, char** argv) {
  const bool object = argc == 3 && std::strcmp(argv[1], "--object") == 0;
  if (!object && argc != 2) return std::fprintf(stderr, "usage: scan SOURCE | scan --object OBJECT\n"), usage;
  const char* const path = argv[argc - 1];
  std::string why;
  const std::string bytes = content(path, object ? most_object_bytes : most_source_bytes, why);
  std::vector<swarm::Finding> found;
  if (!why.empty()) found.push_back({0, why});
  else found = object ? swarm::scan_object(bytes) : swarm::scan_source(bytes);
  for (const swarm::Finding& finding : found) {
    if (object) std::fprintf(stderr, "error: the compiled experiment is refused: %s\n", finding.why.c_str());
    else std::fprintf(stderr, "%s:%d: error: refused: %s\n", path, finding.line, finding.why.c_str());
  }
  return found.empty() ? 0 : refused;
}
