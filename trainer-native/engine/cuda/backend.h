// The door to the CUDA backend. Defined by it where nvcc built it, by absent.cpp where not, and by the emulator in tests.
// defines: unusable(), device_name(), free_bytes(), make_network()
#pragma once
#include <memory>
#include <string>

#include "engine/core/network.h"

namespace swarm::cuda {

std::string unusable();     // why there is no device to train on, in words; empty: there is one
std::string device_name();  // "NVIDIA H200, 143771 MiB, CUDA 13.0"
size_t free_bytes();        // of its memory

// Trains `graph` on the device, a step in `micro_steps` parts. Throws Refused for what it has no kernels or no memory for.
std::unique_ptr<Network> make_network(const Graph& graph, const Optimizer& optimizer, int micro_steps, size_t memory_limit);

}  // namespace swarm::cuda
