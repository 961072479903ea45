#include "harness/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "harness/failure.h"
#include "harness/whole.h"

namespace swarm {
namespace {

std::string reason(const char* verb, const std::string& path) {
  return std::string("cannot ") + verb + " " + path + ": " + std::strerror(errno);
}

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);  // a pipe is refused below, not waited for
  if (fd < 0) throw std::runtime_error(reason("open", path));
  struct stat info;
  if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    close(fd);
    throw std::runtime_error(path + " is not a file");
  }
  size_ = size_t(info.st_size);
  if (size_ > 0) {
    void* map = mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
      const std::string why = reason("map", path);
      close(fd);
      throw std::runtime_error(why);
    }
    bytes_ = static_cast<const uint8_t*>(map);
  }
  close(fd);
}

MappedFile::MappedFile(MappedFile&& other) noexcept : bytes_(other.bytes_), size_(other.size_) {
  other.bytes_ = nullptr;
  other.size_ = 0;
}

MappedFile::~MappedFile() {
  if (bytes_) munmap(const_cast<uint8_t*>(bytes_), size_);
}

void write_whole_file(const std::string& path, const void* data, size_t bytes) {
  const std::string partial = path + ".partial";
  unlink(partial.c_str());  // a file of our own making, whatever stood there: no link is followed, no pipe waited for
  const int fd = open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
  if (fd < 0) throw Failure(Exit::internal, reason("create", partial));
  if (!give_whole(fd, data, bytes)) {
    const std::string why = reason("write", partial);
    close(fd);
    unlink(partial.c_str());
    throw Failure(Exit::internal, why);
  }
  const bool flushed = fsync(fd) == 0;
  if (close(fd) != 0 || !flushed) throw Failure(Exit::internal, reason("flush", partial));
  if (rename(partial.c_str(), path.c_str()) != 0) throw Failure(Exit::internal, reason("rename", partial));
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const int dir = open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir >= 0) {
    fsync(dir);  // the name itself; file systems that cannot do this lose nothing that was promised
    close(dir);
  }
}

void make_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw Failure(Exit::internal, "cannot make the folder " + path + ": " + error.message());
}

void remove_if_there(const std::string& path) { unlink(path.c_str()); }

}  // namespace swarm
