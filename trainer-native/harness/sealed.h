// Files of ours that are whole or refused: a magic of 8 bytes, pieces in little endian, and the sha256 of all of it at the end.
// defines: Sealing, Sealed, Broken
#pragma once
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "harness/file.h"

namespace swarm {

class Sealing {
 public:
  explicit Sealing(const char* magic) { raw(magic, 8); }
  void raw(const void* data, size_t bytes);
  void u32(uint32_t value) { raw(&value, 4); }
  void u64(uint64_t value) { raw(&value, 8); }
  void f64(double value) { raw(&value, 8); }
  void text(const std::string& value);  // u32 length and its bytes
  // Puts the sha256 under it and writes it whole. Once, last.
  const std::vector<uint8_t>& write(const std::string& path);

 private:
  std::vector<uint8_t> bytes_;
};

// What is wrong with a sealed file, as the end of a sentence that names it.
struct Broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Sealed {
 public:
  // Throws Broken unless the file is there, starts with the magic and has the sha256 it ends with. `what`: "checkpoint".
  Sealed(const std::string& path, const char* magic, const std::string& what);
  const uint8_t* raw(size_t bytes);  // throws Broken at the end
  uint32_t u32();
  uint64_t u64();
  double f64();
  std::string text();
  size_t left() const { return left_; }
  void require_end(const char* last) const;  // throws Broken naming the last piece
  std::string sha256() const;                // of the whole file

 private:
  MappedFile file_;
  std::string what_;
  const uint8_t* at_;
  size_t left_;
};

}  // namespace swarm
