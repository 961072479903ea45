// What the device is told to do, as a list: made once at set-up with fixed addresses, then run again and again, or captured
// into a CUDA graph. Tests read it without a GPU.
// defines: Extent, Launch, Tape, blocks_for()
#pragma once
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace swarm::cuda {

class LtProducts;  // blas_lt.h

struct Extent {  // of a grid in blocks, of a block in threads
  unsigned x = 1, y = 1, z = 1;
};

using Stream = void*;  // a cudaStream_t; null is the default stream

struct Launch {
  const char* kernel;
  Extent grid, block;
  size_t shared;  // bytes of shared memory a block asks for; of a library's launch, named after its function, nothing is known
  std::function<void(Stream)> start;
  std::string note = {};  // a library's: which shape
};

class Tape {
 public:
  explicit Tape(LtProducts* products = nullptr) : products_(products) {}  // null: gemm() uses our own kernels
  LtProducts* products() const { return products_; }
  void add(Launch launch) { launches_.push_back(std::move(launch)); }
  void run(Stream stream = nullptr) const {
    for (const Launch& launch : launches_) launch.start(stream);
  }
  const std::vector<Launch>& launches() const { return launches_; }

 private:
  LtProducts* products_;
  std::vector<Launch> launches_;
};

constexpr long blocks_for(long items, long per_block) { return (items + per_block - 1) / per_block; }

}  // namespace swarm::cuda
