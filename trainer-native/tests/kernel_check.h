// What the kernel tests share: buffers between canaries, random numbers, every table this machine can run, a hash of bits.
// defines: Buffer, Random, tables(), close(), hash()
#pragma once
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

#include "check.h"
#include "engine/cpu/kernels.h"

namespace kernel_check {

using swarm::cpu::Kernels;

inline std::vector<const Kernels*> tables() {
  std::vector<const Kernels*> all;
  for (const char* isa : {"portable", "avx2", "avx512"})
    if (const Kernels* table = swarm::cpu::kernels_of(isa)) all.push_back(table);
  return all;
}

// n floats between two stretches that nobody may write; starts as NaN, so that what a kernel forgets to write shows.
class Buffer {
 public:
  explicit Buffer(size_t n) : n_(n), all_(n + 2 * kGuard, std::numeric_limits<float>::quiet_NaN()) {
    for (size_t i = 0; i < kGuard; i++) all_[i] = all_[kGuard + n + i] = kCanary;
  }
  operator float*() { return all_.data() + kGuard; }
  operator const float*() const { return all_.data() + kGuard; }
  size_t size() const { return n_; }
  void check_canaries() const {
    for (size_t i = 0; i < kGuard; i++) {
      CHECK_EQUAL(all_[i], kCanary);
      CHECK_EQUAL(all_[kGuard + n_ + i], kCanary);
    }
  }

 private:
  static constexpr size_t kGuard = 19;  // odd, so that buffers are not aligned to anything
  static constexpr float kCanary = 12345.0f;
  size_t n_;
  std::vector<float> all_;
};

class Random {  // xorshift64*, by Vigna
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ull + 1) {}
  uint64_t next() {
    state_ ^= state_ >> 12, state_ ^= state_ << 25, state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1dull;
  }
  float uniform(float low = -1, float high = 1) { return low + (high - low) * static_cast<float>(next() >> 40) * 0x1p-24f; }
  int whole(int low, int high) { return low + static_cast<int>(next() % static_cast<uint64_t>(high - low + 1)); }
  void fill(Buffer& b, float low = -1, float high = 1) {
    for (size_t i = 0; i < b.size(); i++) b[static_cast<long>(i)] = uniform(low, high);
  }

 private:
  uint64_t state_;
};

// `size` is the scale of what was summed: a sum's error grows with its terms, not with its value.
inline void close(const char* what, const char* isa, long at, double got, double wanted, double size, double relative = 1e-5) {
  if (std::fabs(got - wanted) <= relative * (std::fabs(wanted) + size) + 1e-30) return;
  std::ostringstream s;
  s.precision(9);
  s << what << "[" << at << "] on " << isa << " is " << got << ", expected " << wanted;
  check::fail(__FILE__, __LINE__, s.str());
}

inline uint64_t hash(const float* x, size_t n, uint64_t h = 0xcbf29ce484222325ull) {  // FNV-1a over the bits
  for (size_t i = 0; i < n; i++) {
    uint32_t bits;
    std::memcpy(&bits, x + i, 4);
    h = (h ^ bits) * 0x100000001b3ull;
  }
  return h;
}

}  // namespace kernel_check
