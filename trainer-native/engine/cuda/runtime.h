// CUDA's runtime errors as ours. For .cu files compiled by nvcc only.
#pragma once
#include <cuda_runtime.h>

#include "engine/cuda/memory.h"

namespace swarm::cuda {

inline void require(cudaError_t status, const char* what) {
  if (status != cudaSuccess) throw DeviceError(std::string(what) + ": " + cudaGetErrorString(status));
}

}  // namespace swarm::cuda
