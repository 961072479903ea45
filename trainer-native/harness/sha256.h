// SHA-256 (FIPS 180-4), streaming. Names data, sources and checkpoints.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace swarm {

class Sha256 {
 public:
  void add(const void* data, size_t bytes);
  std::array<uint8_t, 32> digest();  // ends the stream; call once

 private:
  void block(const uint8_t* bytes64);
  uint32_t state_[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  uint8_t tail_[64];
  size_t tail_bytes_ = 0;
  uint64_t total_bytes_ = 0;
};

std::string hex(const std::array<uint8_t, 32>& digest);
std::string sha256_hex(const void* data, size_t bytes);

}  // namespace swarm
