// The door to the CUDA backend. Defined by it where nvcc built it, by absent.cpp where not, and by the emulator in tests.
// defines: Device, unusable(), the_device(), make_network(), plan_network(), TokenLosses, make_token_losses()
#pragma once
#include <memory>
#include <string>

#include "engine/core/network.h"
#include "engine/cuda/memory.h"

namespace swarm::cuda {

struct Device {
  std::string name;              // "NVIDIA H200"
  size_t memory_bytes = 0;       // all of it, in use or not
  std::string compute;           // "9.0"
  std::string driver, runtime;   // CUDA versions: "13.0"
  double flops_per_second = 0;   // dense bf16 products by its data sheet; of an unknown one, those of an H100
};

std::string unusable();  // why there is no device to train on, in words; empty: there is one
Device the_device();     // throws DeviceError where there is none

// Trains `graph` on the device, in the fewest parts of a step of at most `most_rows` rows that fit `memory_limit` bytes.
// Throws Refused for what it has no kernels or no memory for, DeviceError when the device fails.
std::unique_ptr<Network> make_network(const Graph& graph, const Optimizer& optimizer, int most_rows, size_t memory_limit);

// The same, known and not made: needs no device.
std::unique_ptr<Network> plan_network(const Graph& graph, const Optimizer& optimizer, int most_rows, size_t memory_limit);

// The judge's: forward only. No code but the frozen kernels', and no logits leave the device.
class TokenLosses {
 public:
  virtual ~TokenLosses() = default;
  virtual const std::vector<Parameter>& parameters() const = 0;  // in the order of the graph, to be written to
  virtual void upload_weights() = 0;                             // after that
  // tokens, targets [rows, T] -> nats [rows, T], valid until the next call.
  virtual const float* of(const Token* tokens, const Token* targets) = 0;
};
std::unique_ptr<TokenLosses> make_token_losses(const Graph& graph, int rows, size_t memory_limit);

}  // namespace swarm::cuda
