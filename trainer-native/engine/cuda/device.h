// What a kernel may use of the machine it runs on, written once: nvcc turns it into CUDA, any other compiler into the
// emulator, where the same arithmetic is tested without a GPU. Kernels use nothing else.
// defines: bf16 and its conversions, copy_async16, copy_async8 and their groups, load_matrices, mma, shuffle_xor, exp2_fast, reciprocal_fast,
//          shared_memory;
//          from the language or the emulator: threadIdx, blockIdx, blockDim, gridDim, __syncthreads, __syncwarp
#pragma once
#include "engine/cuda/bf16.h"

#ifdef __CUDACC__
#include "engine/cuda/nvidia.h"
#else
#include "engine/cuda/emulated/kernel.h"
#endif

namespace swarm::cuda {

constexpr int warp = 32;  // lanes

__device__ inline float warp_sum(float x) {  // the same bits in every lane
  for (int step = warp / 2; step > 0; step /= 2) x += shuffle_xor(x, step);
  return x;
}
__device__ inline float warp_max(float x) {
  for (int step = warp / 2; step > 0; step /= 2) x = fmaxf(x, shuffle_xor(x, step));
  return x;
}

// One number of every thread to their sum, in one order; the same bits in every thread. `parts`: shared, one float a warp.
__device__ inline float block_sum(float x, float* parts) {
  x = warp_sum(x);
  __syncthreads();  // whoever still reads parts
  if (threadIdx.x % warp == 0) parts[threadIdx.x / warp] = x;
  __syncthreads();
  float sum = 0;
  for (int w = 0; w < int(blockDim.x) / warp; w++) sum += parts[w];
  return sum;
}

// 16 bytes: what one thread moves at once.
struct alignas(16) Eight {
  bf16 x[8];
};

}  // namespace swarm::cuda
