// Files of the harness: read-only maps of inputs, and outputs that are either whole or absent.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

namespace swarm {

// A file mapped read-only for as long as the object lives.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);  // throws std::runtime_error naming path and reason
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  const uint8_t* bytes() const { return bytes_; }
  size_t size() const { return size_; }

 private:
  const uint8_t* bytes_ = nullptr;
  size_t size_ = 0;
};

// Writes beside the target, flushes to disk, renames: a crash leaves the old file or the new one, never half of it.
void write_whole_file(const std::string& path, const void* data, size_t bytes);

void make_folder(const std::string& path);          // with its parents
void remove_if_there(const std::string& path);

}  // namespace swarm
